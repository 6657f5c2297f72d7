"""Slots counted in Redis (6.2 or newer), shared by all replicas.

Each scope is a sorted set: members are tokens, scores the moment when the slot is free again, by Redis' own
clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import islice
from urllib.parse import quote

from crossover.stores.leases import Claim, Lease, Refused
from crossover.stores.redis_client import RedisClient
from crossover.stores.redis_scripts import RedisScripts

BATCH = 500
"""Leases per call: a script runs alone on its server, and this many take it about a millisecond."""

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# ARGV: token, lease in ms, a limit per key. Returns 0, or the number of the first key that is full.
_ACQUIRE = f"""{_NOW}
local token, lease = ARGV[1], tonumber(ARGV[2])
for number, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  local held = redis.call('ZSCORE', key, token)
  if not held and redis.call('ZCARD', key) >= tonumber(ARGV[2 + number]) then
    return number
  end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + lease, token)
  redis.call('PEXPIRE', key, lease)
end
return 0
"""

# KEYS: the root, which only says where to run, then the scopes. ARGV: lease in ms, or 0 to give back; then
# for each scope the number of its tokens, and the tokens.
_UPDATE = f"""{_NOW}
local lease = tonumber(ARGV[1])
local at = 2
for number = 2, #KEYS do
  local key, count = KEYS[number], tonumber(ARGV[at])
  for position = at + 1, at + count do
    if lease > 0 then
      redis.call('ZADD', key, now + lease, ARGV[position])
    else
      redis.call('ZREM', key, ARGV[position])
    end
  end
  if lease > 0 then
    redis.call('PEXPIRE', key, lease)
  end
  at = at + count + 1
end
return 0
"""


class RedisLeases:
    """Counts in Redis; one atomic script per call.

    Args:
        lease: seconds after which slots that nobody renewed are free again.
        timeout: seconds for one call, connecting and waiting for a connection included.
        prefix: what all keys begin with, in braces. Two installations on one Redis need two.
    """

    def __init__(
        self, client: RedisClient, *, lease: float, timeout: float = 0.4, prefix: str = "crossover"
    ) -> None:
        self._scripts = RedisScripts(client, prefix=prefix, timeout=timeout)
        self._lease = round(lease * 1000)
        self._root = f"{self._scripts.root}:streams"

    async def acquire(self, lease: Lease) -> None:
        """Raises Refused, and StoreAway."""
        keys = [self.key(claim) for claim in lease.claims]
        limits = [claim.limit for claim in lease.claims]
        full = await self._scripts.run(_ACQUIRE, keys, lease.token, self._lease, *limits)
        if full:
            raise Refused(lease.claims[int(full) - 1])

    async def renew(self, leases: Collection[Lease]) -> None:
        """Asks Redis even when there is nothing to renew. Raises StoreAway."""
        await self._update(leases, self._lease)

    async def release(self, leases: Collection[Lease]) -> None:
        """Raises StoreAway."""
        await self._update(leases, 0)

    async def aclose(self) -> None:
        await self._scripts.aclose()

    def key(self, claim: Claim) -> str:
        """The scope's key. Owners are percent-encoded, so no two of them share one."""
        owner = "/".join(quote(part, safe="", errors="surrogatepass") for part in claim.owner)
        return f"{self._root}:{claim.scope}:{owner}"

    async def _update(self, leases: Collection[Lease], lease: int) -> None:
        for batch in _batches(leases):
            tokens: defaultdict[str, list[str]] = defaultdict(list)
            for each in batch:
                for claim in each.claims:
                    tokens[self.key(claim)].append(each.token)
            counted: list[str | int] = []
            for held in tokens.values():
                counted += [len(held), *held]
            await self._scripts.run(_UPDATE, [self._root, *tokens], lease, *counted)


def _batches(leases: Collection[Lease]) -> Iterator[list[Lease]]:
    """At least one, so that Redis is asked in any case."""
    rest = iter(leases)
    yield list(islice(rest, BATCH))
    while batch := list(islice(rest, BATCH)):
        yield batch
