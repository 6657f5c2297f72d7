"""What waiting may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WaitSettings:
    """Defaults are explained in `bridge.settings`, where an operator sets them."""

    long_poll_limit: int = 500
    sweep_interval: float = 1.0
    refresh_rate: float = 8.0
    refresh_interval: float = 2.0
    linger: float = 10.0
    first_looks: bool = True
