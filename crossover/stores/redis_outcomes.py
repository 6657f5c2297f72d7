"""Outcomes in Redis (6.2 or newer), shared by all replicas: one stream per flag.

An outcome that is told again is one more entry, and the later one counts. Who tallies keeps a copy of the
flag's outcomes and reads only the entries that came since, so a look every few seconds costs one short call.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from dataclasses import asdict
from datetime import datetime

from crossover.flags.model import Variant, When
from crossover.flags.outcome import Outcome, Tally
from crossover.stores.outcomes import KEPT_FOR, KEPT_PER_FLAG, LocalOutcomes
from crossover.stores.redis_client import RedisClient
from crossover.stores.redis_scripts import RedisScripts
from crossover.telemetry import get_logger

PAGE = 1000
"""Entries per call: about 300 kB, and ten milliseconds to read."""

COPIES = 32
"""Flags whose outcomes a replica keeps a copy of: those with a plan. The one asked longest ago goes first."""

START = "0-0"

# ARGV: the outcome, how many to keep, and for how many ms by Redis' clock (which numbers the entries).
_ADD = """
local time = redis.call('TIME')
local oldest = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[3])
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], '*', 'o', ARGV[1])
redis.call('XTRIM', KEYS[1], 'MINID', oldest)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""

# ARGV: a range's two ends, and how many. A script's reply has the same shape in every client and protocol.
_READ = "return redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])"
_READ_BACK = "return redis.call('XREVRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])"

_log = get_logger("crossover.stores")


class _Copy:
    """A flag's outcomes as they were up to the entry `last`."""

    def __init__(self, kept: int) -> None:
        self.lock = asyncio.Lock()
        self.clear(kept)

    def clear(self, kept: int) -> None:
        self.last = START
        self.rows = LocalOutcomes(kept=kept)


class RedisOutcomes:
    """Args:
    timeout: seconds for one call, connecting and waiting for a connection included.
    prefix: what all keys begin with, in braces. Two installations on one Redis need two.
    """

    def __init__(
        self,
        client: RedisClient,
        *,
        timeout: float = 0.4,
        prefix: str = "crossover",
        kept: int = KEPT_PER_FLAG,
    ) -> None:
        self._scripts = RedisScripts(client, prefix=prefix, timeout=timeout)
        self._kept = kept
        self._copies: OrderedDict[str, _Copy] = OrderedDict()

    async def add(self, outcome: Outcome) -> None:
        kept_for = round(KEPT_FOR.total_seconds() * 1000)
        await self._scripts.run(_ADD, [self.key(outcome.flag)], _packed(outcome), self._kept, kept_for)

    async def tally(
        self, flag: str, side: Variant, since: datetime, when: When, unless: tuple[When, ...] = ()
    ) -> Tally:
        copy = self._copy(flag)
        async with copy.lock:
            await self._catch_up(flag, copy)
            return await copy.rows.tally(flag, side, since, when, unless)

    async def recent(self, tenant: str | None, flag: str, limit: int) -> list[Outcome]:
        found: list[Outcome] = []
        seen: set[str] = set()
        end = "+"
        while len(found) < limit and (page := await self._page(_READ_BACK, flag, end, "-")):
            for _, outcome in page:
                if outcome is None or outcome.id in seen:  # what was told last is met first
                    continue
                seen.add(outcome.id)
                if tenant in (None, outcome.tenant):
                    found.append(outcome)
            end = f"({page[-1][0]}"
        return found[:limit]

    async def aclose(self) -> None:
        await self._scripts.aclose()

    def key(self, flag: str) -> str:
        return f"{self._scripts.root}:outcomes:{flag}"

    def _copy(self, flag: str) -> _Copy:
        copy = self._copies.setdefault(flag, _Copy(self._kept))
        self._copies.move_to_end(flag)
        if len(self._copies) > COPIES:
            self._copies.popitem(last=False)
        return copy

    async def _catch_up(self, flag: str, copy: _Copy) -> None:
        """Reads from the last entry known, itself included: where Redis does not have it any more, it was
        emptied, replaced or trimmed, and all is read again."""
        while True:
            page = await self._page(_READ, flag, copy.last, "+")
            if copy.last != START and (not page or page[0][0] != copy.last):
                copy.clear(self._kept)
                continue
            for entry, outcome in page:
                copy.last = entry
                if outcome is not None:
                    copy.rows.keep(outcome)
            if len(page) < PAGE:
                return

    async def _page(self, script: str, flag: str, start: str, end: str) -> list[tuple[str, Outcome | None]]:
        rows = await self._scripts.run(script, [self.key(flag)], start, end, PAGE)
        return [(_text(entry), _unpacked(fields[1])) for entry, fields in rows]


def _packed(outcome: Outcome) -> str:
    told = {key: value for key, value in asdict(outcome).items() if value is not None}
    return json.dumps({**told, "at": outcome.at.isoformat()}, separators=(",", ":"), allow_nan=False)


def _unpacked(text: bytes) -> Outcome | None:
    """None, and a word in the log, for an entry that another release wrote."""
    try:
        told = json.loads(text)
        told |= {"side": Variant(told["side"]), "at": datetime.fromisoformat(told["at"])}
        return Outcome(**told)
    except (ValueError, TypeError, KeyError) as error:
        _log.warning("an entry is no outcome, and is left out", error=type(error).__name__)
        return None


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
