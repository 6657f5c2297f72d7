"""Versions of the flag document in Redis (6.2 or newer), shared by all replicas.

One sorted set: the scores are the versions' numbers, the members their digest (32 characters) followed by
their JSON. The member with the highest score is the head.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from crossover.flags.version import Version
from crossover.stores.flag_store import VersionConflict
from crossover.stores.redis_client import RedisClient
from crossover.stores.redis_scripts import RedisScripts

KEPT = 2000
"""Versions; older ones are dropped."""

_DIGEST = 32

# ARGV: the digest of the head that the caller knows. Returns '' without any head, the digest alone when it is
# still that one, else the head.
_HEAD = f"""
local head = redis.call('ZREVRANGE', KEYS[1], 0, 0)[1]
if head and head:sub(1, {_DIGEST}) == ARGV[1] then
  return ARGV[1]
end
return head or ''
"""

_ADD = f"""
redis.call('ZADD', KEYS[1], number, ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -{KEPT + 1})
-- A user who may not publish can still write: readers look by themselves.
redis.pcall('PUBLISH', KEYS[1], ARGV[1])
return 1
"""

# ARGV: number, member, previous. Returns 1, or 0 when the version does not follow the head.
_PUT = f"""
local number, head = tonumber(ARGV[1]), redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local digest = (head[1] or ''):sub(1, {_DIGEST})
if digest == ARGV[2]:sub(1, {_DIGEST}) then
  return 1
end
if digest ~= ARGV[3] or tonumber(head[2] or 0) + 1 ~= number then
  return 0
end
{_ADD}"""

_REPLACE = f"""
local number = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], number, '+inf')
{_ADD}"""


# ARGV: the highest and the lowest number, how many.
_RANGE = """
return redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
"""


class RedisFlags:
    """A FlagStore; one atomic script per call.

    Args:
        timeout: seconds for one call.
        prefix: as RedisScripts has it. A user of Redis needs its keys and the channel of the same name.
    """

    writable = True

    def __init__(self, client: RedisClient, *, prefix: str = "crossover", timeout: float = 0.4) -> None:
        self._redis = RedisScripts(client, prefix=prefix, timeout=timeout)
        self._key = f"{self._redis.root}:flags"
        self._head: Version | None = None  # not read again while it is the head

    async def head(self) -> Version | None:
        known = self._head
        reply: bytes = await self._redis.run(_HEAD, [self._key], known.digest if known else "")
        if known is None or reply != known.digest.encode():
            known = self._head = _version(reply) if reply else None
        return known

    async def put(self, version: Version) -> None:
        member = _member(version)
        if not await self._redis.run(_PUT, [self._key], version.number, member, version.previous):
            raise VersionConflict(await self.head())

    async def replace(self, version: Version) -> None:
        await self._redis.run(_REPLACE, [self._key], version.number, _member(version))

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[Version]:
        highest = "+inf" if before is None else f"({before}"
        return [_version(member) for member in await self._range(highest, "-inf", limit)]

    async def digest_of(self, number: int) -> str | None:
        members = await self._range(number, number, 1)
        return members[0][:_DIGEST].decode("ascii", "replace") if members else None

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[None]]:
        return self._redis.messages(self._key)

    async def aclose(self) -> None:
        await self._redis.aclose()

    async def _range(self, highest: str | int, lowest: str | int, limit: int) -> list[bytes]:
        members: list[bytes] = await self._redis.run(_RANGE, [self._key], highest, lowest, limit)
        return members


def _member(version: Version) -> str:
    return version.digest + json.dumps(version.to_json(), separators=(",", ":"))


def _version(member: bytes) -> Version:
    """Raises ValueError."""
    version = Version.from_json(json.loads(member[_DIGEST:]))
    if version.digest.encode() != member[:_DIGEST]:
        raise ValueError(f"version {version.number} is kept under the digest of another")
    return version
