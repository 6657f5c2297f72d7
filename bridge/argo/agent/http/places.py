"""How many requests run at once, in all and for one namespace."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Places:
    """First come, first served; a namespace's own limit comes first, so that its queue blocks nobody."""

    def __init__(self, total: int, per_namespace: int) -> None:
        self._total = asyncio.Semaphore(total)
        self._each = per_namespace
        self._own: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def taken(self, namespace: str) -> AsyncGenerator[None, None]:
        self._users[namespace] += 1
        own = self._own.setdefault(namespace, asyncio.Semaphore(self._each))
        try:
            async with own, self._total:
                yield
        finally:
            self._users[namespace] -= 1
            if not self._users[namespace]:
                del self._users[namespace], self._own[namespace]
