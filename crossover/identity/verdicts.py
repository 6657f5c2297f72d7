"""What was found out about tokens, kept for a while: asked for once, however many requests bring a token."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """Args:
    value: what a good token stands for; None for a bad one.
    lasts: seconds for which the verdict may be used.
    """

    value: T | None
    lasts: float


@dataclass(slots=True)
class _Kept(Generic[T]):
    """Bounded: the one that was used least recently goes."""

    limit: int
    verdicts: OrderedDict[str, tuple[Verdict[T], float]] = field(default_factory=OrderedDict)

    def get(self, key: str) -> Verdict[T] | None:
        found = self.verdicts.get(key)
        if found is None:
            return None
        if found[1] <= time.monotonic():
            del self.verdicts[key]
            return None
        self.verdicts.move_to_end(key)
        return found[0]

    def put(self, key: str, verdict: Verdict[T]) -> None:
        self.verdicts[key] = (verdict, time.monotonic() + verdict.lasts)
        self.verdicts.move_to_end(key)
        while len(self.verdicts) > self.limit:
            self.verdicts.popitem(last=False)


class Verdicts(Generic[T]):
    """By the token's hash: tokens themselves are not kept.

    Good and bad ones are kept apart, so that a flood of made-up tokens cannot push real ones out.
    """

    def __init__(self, limit: int) -> None:
        self._good: _Kept[T] = _Kept(limit)
        self._bad: _Kept[T] = _Kept(limit)
        self._asking: dict[str, asyncio.Task[Verdict[T]]] = {}

    async def of(self, key: str, ask: Callable[[], Awaitable[Verdict[T]]]) -> T | None:
        """What was found out, else what `ask` finds out, once for all who want to know at the same time.

        Raises what `ask` raises; that is not kept.
        """
        kept = self._good.get(key) or self._bad.get(key)
        if kept is not None:
            return kept.value
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key, ask))
        # Shielded: one client that hangs up must not take the answer from the others.
        return (await asyncio.shield(task)).value

    async def _ask(self, key: str, ask: Callable[[], Awaitable[Verdict[T]]]) -> Verdict[T]:
        try:
            verdict = await ask()
        finally:
            del self._asking[key]
        (self._bad if verdict.value is None else self._good).put(key, verdict)
        return verdict

    async def aclose(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
