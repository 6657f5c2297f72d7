"""What the follows need to know of the service's settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FollowSettings:
    """Seconds, but for `opening`.

    Args:
        idle: silence after which a follow is reopened: a connection may be dead without an error.
        lifetime: after which a follow is reopened in any case; proxies and load balancers cut old ones.
        opening: logs that are being opened at once; the API server has no limit of its own for them.
        patience: how long a feed that all viewers read too slowly may hold up a follow.
    """

    idle: float = 120.0
    lifetime: float = 2700.0
    opening: int = 32
    patience: float = 10.0
    first_delay: float = 0.2
    most_delay: float = 10.0
