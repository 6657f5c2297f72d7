"""How long tests wait. A busy machine stalls for seconds, and that is no failure of what is tested."""

from __future__ import annotations

from typing import Any

PATIENCE = 30.0
"""Seconds for what comes at once when all is well: waiting for it costs nothing."""

BRIEF = 3.0
"""Seconds that a store is given where a test has it silent: longer than a stall, so that only silence is."""

BRIDGE: dict[str, Any] = {"redis_timeout": PATIENCE, "decision_patience": PATIENCE}
"""Settings of a bridge whose limits are not what is tested: else it does without a slow store."""
