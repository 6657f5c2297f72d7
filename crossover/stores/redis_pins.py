"""Pinned decisions in Redis (6.2 or newer), shared by all replicas.

Each is a string that expires; each trace has a sorted set of its decisions' keys, by when they were made.
"""

from __future__ import annotations

import json
from urllib.parse import quote

from crossover.flags.decision import Decision
from crossover.stores.pins import OF_TRACE, Key, Place, in_order
from crossover.stores.redis_client import RedisClient
from crossover.stores.redis_scripts import RedisScripts

# KEYS: the decision's, its trace's. ARGV: the decision, its time, seconds to live, how many a trace has.
# Returns the decision that holds. Asking again makes it live on: a run outlives no pin that it still needs.
_PIN = """
local held = redis.call('GET', KEYS[1])
if held then
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  redis.call('EXPIRE', KEYS[2], ARGV[3])
  return held
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], KEYS[1])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -(ARGV[4] + 1))
redis.call('EXPIRE', KEYS[2], ARGV[3])
return ARGV[1]
"""


_GET = "return redis.call('MGET', unpack(KEYS))"

_TRACE = "return redis.call('ZRANGE', KEYS[1], 0, -1)"


class RedisPins:
    """Pins; one atomic script per pin.

    Args:
        days: for how long a decision holds after it was asked for last.
        timeout: seconds for one call.
    """

    def __init__(
        self, client: RedisClient, *, days: float, prefix: str = "crossover", timeout: float = 0.2
    ) -> None:
        self._redis = RedisScripts(client, prefix=prefix, timeout=timeout)
        self._seconds = max(1, round(days * 86400))

    async def pin(self, decision: Decision) -> Decision:
        keys = [self._key(decision.key), self._trace(decision.context.tenant, decision.trace_id)]
        text = json.dumps(decision.to_json(), separators=(",", ":"))
        at = round(decision.decided_at.timestamp() * 1000)
        held: bytes = await self._redis.run(_PIN, keys, text, at, self._seconds, OF_TRACE)
        return decision if held == text.encode() else _decision(held)

    async def find(self, key: Key) -> Decision | None:
        (held,) = await self._redis.run(_GET, [self._key(key)])
        return None if held is None else _decision(held)

    async def of_trace(self, tenant: str, trace_id: str) -> list[Decision]:
        keys = await self._redis.run(_TRACE, [self._trace(tenant, trace_id)])
        found = await self._redis.run(_GET, keys) if keys else []
        return in_order(_decision(each) for each in found if each is not None)

    def place(self, key: Key) -> Place:
        return "shared"

    async def aclose(self) -> None:
        await self._redis.aclose()

    def _key(self, key: Key) -> str:
        return f"{self._redis.root}:pins:{_path(*key)}"

    def _trace(self, tenant: str, trace_id: str) -> str:
        return f"{self._redis.root}:pins-of:{_path(tenant, trace_id)}"


def _path(*parts: str) -> str:
    """Percent-encoded, so that no two lists of parts are alike."""
    return "/".join(quote(part, safe="", errors="surrogatepass") for part in parts)


def _decision(text: bytes) -> Decision:
    """Raises ValueError."""
    return Decision.from_json(json.loads(text))
