"""Our key under `template.plugin`: plugins are told apart by it, and the agent's rights end with it."""

from __future__ import annotations

PLUGIN = "crossover"
