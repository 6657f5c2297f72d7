"""Scripts in Redis that answer soon, or raise StoreAway."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from crossover.stores.leases import StoreAway
from crossover.stores.redis_client import RedisClient

CALLS = 16
"""Calls at once: more would only open more connections."""

_PREFIX = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_ERROR_CODE = re.compile(r"[A-Z]{2,}\b")


class RedisScripts:
    """Runs one atomic script per call.

    Args:
        prefix: what all keys begin with, in braces: a Redis Cluster keeps keys with one hash tag together
            (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
        timeout: seconds for one call, connecting and waiting for a connection included.
    """

    def __init__(self, client: RedisClient, *, prefix: str, timeout: float) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise ValueError("the prefix takes letters, digits, dots, colons, hyphens, underscores")
        self.root = f"{{{prefix}}}"
        self._client = client
        self._timeout = timeout
        self._calls = asyncio.Semaphore(CALLS)

    async def run(self, script: str, keys: Sequence[str], *arguments: str | int | float) -> Any:
        """The script's reply. Raises StoreAway."""
        try:
            async with asyncio.timeout(self._timeout), self._calls:
                # EVAL, not EVALSHA: a Redis that was restarted has forgotten all scripts.
                return await self._client.command("EVAL", script, len(keys), *keys, *arguments)
        except Exception as error:  # also what redis-py lets through of its own
            raise StoreAway(_reason(error, self._timeout)) from error

    @asynccontextmanager
    async def messages(self, channel: str) -> AsyncGenerator[AsyncIterator[None], None]:
        """Yields for each message, and ends with its connection. Raises StoreAway."""
        subscription = self._client.subscribe(channel)
        try:
            messages = await subscription.__aenter__()
        except Exception as error:
            raise StoreAway(_reason(error, self._timeout)) from error
        try:
            yield messages
        finally:
            await subscription.__aexit__(None, None, None)

    async def aclose(self) -> None:
        await self._client.aclose()


def _reason(error: Exception, timeout: float) -> str:
    """One sentence, without addresses, keys or credentials."""
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return f"Redis does not answer within {timeout:g} s."
    if code := _ERROR_CODE.match(str(error)):
        return f"Redis refuses: {code.group()}."
    return f"Redis cannot be reached ({type(error).__name__})."
