"""Where structlog's events end up, on both sides of the sandbox."""

from __future__ import annotations

from typing import Any

EVENTS: list[dict[str, Any]] = []


class Collector:
    def info(self, **event: Any) -> None:
        EVENTS.append(event)
