"""The audit in Redis (6.2 or newer): one stream for all replicas, and for each tenant a list of its entries.

Beside the stream two hashes know the ends of every writer's chain: the last entry that was written, and the
last one that was trimmed. They stay, about 200 bytes for each start of a replica.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from crossover.audit import Entry
from crossover.audit_chain import Chains, Link, from_line, to_line
from crossover.stores.audit_log import Sink
from crossover.stores.redis_client import RedisClient
from crossover.stores.redis_scripts import RedisScripts

KEEP = 100_000
"""Entries kept: at 700 bytes each, 70 MB."""

_PAGE = 200
_ID = re.compile(r"\d{1,20}-\d{1,20}")

# KEYS: stream, heads, anchors. ARGV: how many to keep, what tenants' lists begin with, the writer; then for
# each entry its number, hash, tenant and line. Tenants' lists are not among KEYS: the trimmed entries name
# them; all have the stream's hash tag. What somebody has tampered with must not stop the trimming.
_APPEND = """
local stream, heads, anchors = KEYS[1], KEYS[2], KEYS[3]
local keep, list, writer = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local head = tonumber(string.match(redis.call('HGET', heads, writer) or '0', '^%d+') or 0)
for at = 4, #ARGV, 4 do
  if tonumber(ARGV[at]) > head then
    local id = redis.call('XADD', stream, '*', 'entry', ARGV[at + 3])
    redis.call('HSET', heads, writer, ARGV[at] .. ' ' .. ARGV[at + 1])
    redis.pcall('XADD', list .. ARGV[at + 2], id, 'of', '')
  end
end
local over = math.min(redis.call('XLEN', stream) - keep, 1000)
if over > 0 then
  for _, old in ipairs(redis.call('XRANGE', stream, '-', '+', 'COUNT', over)) do
    local read, entry = pcall(cjson.decode, old[2][2])
    if read and type(entry) == 'table' then
      local key = list .. tostring(entry.tenant)
      local link = tostring(entry.number) .. ' ' .. tostring(entry.hash)
      redis.pcall('HSET', anchors, tostring(entry.writer), link)
      redis.pcall('XDEL', key, old[1])
      if redis.pcall('XLEN', key) == 0 then redis.call('DEL', key) end
    end
    redis.call('XDEL', stream, old[1])
  end
end
return 0
"""

# KEYS: the list to go by, the stream. ARGV: the newest id to give, how many.
_READ = """
local found = {}
for _, each in ipairs(redis.call('XREVRANGE', KEYS[1], ARGV[1], '-', 'COUNT', ARGV[2])) do
  local entry = redis.call('XRANGE', KEYS[2], each[1], each[1])[1]
  if entry then found[#found + 1] = {entry[1], entry[2][2]} end
end
return found
"""

# KEYS: stream, heads, anchors. The chains' ends, and the newest and oldest id: all of one moment.
_ENDS = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
return {redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]),
        newest and newest[1] or '', oldest and oldest[1] or ''}
"""

# KEYS: stream, anchors. ARGV: what tenants' lists begin with, from and to which id, how many, the id seen
# last. Each entry with whether its tenant's list has it; and the anchors, if trimming has overtaken us.
_PAGE_OF = """
local found = {}
for _, each in ipairs(redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])) do
  local read, entry = pcall(cjson.decode, each[2][2])
  local listed = 1
  if read and type(entry) == 'table' then
    listed = #redis.call('XRANGE', ARGV[1] .. tostring(entry.tenant), each[1], each[1])
  end
  found[#found + 1] = {each[1], each[2][2], listed}
end
local overtaken = #redis.call('XRANGE', KEYS[1], ARGV[5], ARGV[5]) == 0
return {found, overtaken and redis.call('HGETALL', KEYS[2]) or {}}
"""


class RedisAudit(Sink):
    """One atomic script per call: a batch is there as a whole, or not at all.

    Args:
        keep: entries; the oldest beyond them go. What they end with stays, so chains can still be checked.
        timeout: seconds for one call, connecting and waiting for a connection included.
        prefix: what all keys begin with, in braces. Two installations on one Redis need two.
    """

    def __init__(
        self, client: RedisClient, *, keep: int = KEEP, timeout: float = 0.4, prefix: str = "crossover"
    ) -> None:
        self._scripts = RedisScripts(client, prefix=prefix, timeout=timeout)
        self._keep = keep
        self.stream = f"{self._scripts.root}:audit"
        self._list = f"{self.stream}:of:"
        self._keys = [self.stream, f"{self.stream}:heads", f"{self.stream}:anchors"]

    async def append(self, entries: Sequence[Entry]) -> None:
        words: list[str | int] = []
        for entry in entries:
            words += [entry.number, entry.hash, entry.event.tenant, to_line(entry)]
        if entries:
            await self._scripts.run(_APPEND, self._keys, self._keep, self._list, entries[0].writer, *words)

    async def read(self, *, tenant: str | None, after: str | None, limit: int) -> list[Entry]:
        if after is not None and not _ID.fullmatch(after):
            raise ValueError("this is no id of an audit entry")
        by = self.stream if tenant is None else self._list + tenant
        start = "+" if after is None else f"({after}"
        found = [_entry(*each) for each in await self._scripts.run(_READ, [by, self.stream], start, limit)]
        # A tenant's list is no proof: what is another tenant's is never given away.
        return [each for each in found if each and tenant in (None, each.event.tenant)]

    async def verify(self, witnesses: Mapping[str, Link]) -> list[str]:
        """Looks at all that was there at one moment; writing and trimming meanwhile do not disturb it."""
        heads, anchors, newest, oldest = await self._scripts.run(_ENDS, self._keys)
        chains = Chains(_links(anchors), _links(heads), witnesses)
        start, seen, more = "-", oldest.decode(), bool(newest)
        while more:
            place = (self._list, start, newest.decode(), _PAGE, seen)
            page, anchors = await self._scripts.run(_PAGE_OF, [self.stream, self._keys[2]], *place)
            chains.trimmed(_links(anchors))
            for id, line, listed in page:
                _look(chains, id, line, listed)
                seen = id.decode()
            start, more = f"({seen}", len(page) == _PAGE
        return chains.problems()

    async def aclose(self) -> None:
        await self._scripts.aclose()


def _look(chains: Chains, id: bytes, line: bytes, listed: int) -> None:
    entry = _entry(id, line)
    if entry is None:
        chains.tell(f"What Redis holds as {id.decode()} is no audit entry.")
        return
    chains.add(entry)
    if not listed:
        chains.tell(f"Entry {entry.number} of writer {entry.writer} is missing from its tenant's list.")


def _entry(id: bytes, line: bytes) -> Entry | None:
    try:
        return from_line(line, id.decode())
    except ValueError:
        return None


def _links(reply: Any) -> dict[str, Link]:
    """From HGETALL's reply inside a script: names and values in turn. What is no link is left out."""
    found = {}
    for writer, value in zip(reply[::2], reply[1::2], strict=True):
        number, _, hash = value.decode(errors="replace").partition(" ")
        if number.isdecimal():
            found[writer.decode(errors="replace")] = Link(int(number), hash)
    return found
