"""What turns a request's token into a principal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from crossover.identity.principal import Principal, Role


class Authenticator(Protocol):
    """Turns a bearer token into a principal."""

    async def authenticate(self, token: str | None) -> Principal:
        """Raises Unauthenticated, or Unavailable when whoever could tell is away."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class Anyone:
    """No authentication: every caller is `local`. Settings allow it on loopback only."""

    tenant: str

    async def authenticate(self, token: str | None) -> Principal:
        return Principal("local", self.tenant, Role.ADMIN, platform=Role.ADMIN)

    async def aclose(self) -> None:
        pass
