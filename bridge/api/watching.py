"""Streams outlive what their callers were once allowed: they look again."""

from __future__ import annotations

import time

from fastapi import Request

from bridge.api.context import context_of
from crossover.api.caller import still_valid, token_of
from crossover.identity import Principal

GONE = "The caller's token is not valid any more."


class Watcher:
    """The caller of an open stream. `every`: seconds between two looks."""

    def __init__(self, request: Request, principal: Principal) -> None:
        context = context_of(request)
        self.every = context.settings.recheck
        self._authenticator = context.authenticator
        self._token = token_of(request)
        self._principal = principal
        self._next = time.monotonic() + self.every

    async def may_watch(self) -> bool:
        """Ask as often as you like."""
        if time.monotonic() < self._next:
            return True
        self._next = time.monotonic() + self.every
        return await still_valid(self._authenticator, self._token, self._principal)
