"""Rates counted in Redis (6.2 or newer), by its clock, shared by all replicas."""

from __future__ import annotations

from urllib.parse import quote

from crossover.stores.rates import interval_of
from crossover.stores.redis_client import RedisClient
from crossover.stores.redis_scripts import RedisScripts

# As `rates.grant`, in microseconds. ARGV: the interval, the burst. Returns what to wait, 0 when granted.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
local ahead = math.min(math.max(full_at - now, 0), interval * burst)
local wait = ahead - interval * (burst - 1)
if wait > 0.5 then
  return math.ceil(wait)
end
ahead = ahead + interval
redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000) + 1)
return 0
"""


class RedisRates:
    """One atomic script per call. A bucket that is full again leaves nothing in Redis.

    Args:
        timeout: seconds for one call, connecting and waiting for a connection included.
        prefix: what all keys begin with, in braces. Two installations on one Redis need two.
    """

    def __init__(self, client: RedisClient, *, timeout: float = 0.4, prefix: str = "crossover") -> None:
        self._scripts = RedisScripts(client, prefix=prefix, timeout=timeout)

    async def take(self, key: tuple[str, ...], rate: float, burst: int) -> float:
        interval = interval_of(rate, burst) * 1e6
        wait = await self._scripts.run(_TAKE, [self.key(key)], interval, burst)
        return int(wait) / 1e6

    async def aclose(self) -> None:
        await self._scripts.aclose()

    def key(self, key: tuple[str, ...]) -> str:
        """Parts are percent-encoded, so no two keys share one."""
        parts = "/".join(quote(part, safe="", errors="surrogatepass") for part in key)
        return f"{self._scripts.root}:rate:{parts}"
