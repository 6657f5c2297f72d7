"""Staged rollouts: each replica looks at the running plans every few seconds, and moves those that are due.

No replica leads. A move is one write of the flag document against the version it was judged by; when two
replicas make it at once, the store takes one, and the other looks again.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from bridge.loops import forever
from crossover.audit import Audit, Event
from crossover.flags.gate import Figures, Parity, Verdict, judge
from crossover.flags.model import Document, Flag, PlanStatus, Split, Variant
from crossover.flags.outcome import Tally
from crossover.flags.plan import Move, advance
from crossover.flags.version import Change, Version
from crossover.identity import PLATFORM
from crossover.stores.flag_keeper import StoreRefused
from crossover.stores.flag_store import ReadOnlyStore, VersionConflict
from crossover.stores.leases import StoreAway
from crossover.stores.outcomes import KEPT_FOR, Outcomes
from crossover.telemetry import get_logger

WHO = "rollout"
"""The author of a plan's moves, in the history and in the audit."""

LOOK_EVERY = 2.0
"""Seconds between two looks at the running plans."""

_log = get_logger(__name__)


class Flags(Protocol):
    """What a rollout needs of FlagKeeper (crossover.stores.flag_keeper)."""

    @property
    def current(self) -> Version | None: ...

    async def put(self, build: Callable[[Version | None], Version], expected_etag: str | None) -> Version: ...


class Verdicts(Protocol):
    """What a rollout needs of ParityVerdicts."""

    async def read(self, name: str) -> Parity: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a split is in a document."""

    flag: str
    index: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a plan stands: the split it belongs to, what its gate sees, and what that means."""

    split: Split
    figures: Figures
    verdict: Verdict


class Rollouts:
    """Call `run` in a task for as long as the replica lives.

    Args:
        clock: of this replica. Clocks of replicas differ by little; hold times are minutes.
    """

    def __init__(
        self,
        flags: Flags,
        outcomes: Outcomes,
        parity: Verdicts,
        audit: Audit,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.trouble: str | None = None
        self._flags = flags
        self._outcomes = outcomes
        self._parity = parity
        self._audit = audit
        self._clock = clock
        self._turn = asyncio.Lock()
        self._unsure: tuple[Version, Event] | None = None

    async def run(self) -> None:
        await forever("rollouts", self.round, LOOK_EVERY)

    async def round(self) -> None:
        """One look at each running plan. What is away is looked at again in the next round."""
        async with self._turn:  # a second round would take an unfinished move for one to be settled
            await self._round()

    async def _round(self) -> None:
        self._settle()
        if (version := self._flags.current) is None:
            return
        trouble = None
        for place in running(version.document):
            try:
                version = await self._look(version, place)
            except VersionConflict:
                return  # places may be others now
            except (StoreAway, StoreRefused, ReadOnlyStore) as error:
                trouble = f"{place.flag} stays at its step: {error}"
                if self._unsure is not None:
                    break  # what comes next depends on whether that was written
        self._tell(trouble)

    async def standing(self, flag: str) -> list[Standing]:
        """The flag's plans, as a look at them would judge now. Raises StoreAway."""
        version = self._flags.current
        rollout = version.document.flags[flag].rollout if version and flag in version.document.flags else ()
        return [await self._stand(flag, rollout, index) for index, split in enumerate(rollout) if split.plan]

    async def _stand(self, flag: str, rollout: Sequence[Split], index: int) -> Standing:
        plan, figures = rollout[index].plan, await self._figures(flag, rollout, index)
        assert plan is not None
        verdict = judge(plan.gate, plan.steps[plan.step], figures, self._clock())
        return Standing(rollout[index], figures, verdict)

    async def _look(self, version: Version, place: Place) -> Version:
        """The version in force after it. Raises VersionConflict, StoreAway, StoreRefused, ReadOnlyStore."""
        document = version.document
        flag = document.flags[place.flag]
        killed = document.kill or flag.kill
        figures = Figures() if killed else await self._figures(place.flag, flag.rollout, place.index)
        now = self._clock()
        move = advance(flag.rollout[place.index], figures, now, killed=killed)
        return version if move is None else await self._make(move, version, place, now)

    async def _make(self, move: Move, version: Version, place: Place, now: datetime) -> Version:
        # Named, for two replicas may make the same move in the same microsecond, and only one has made it.
        change = Change(WHO, move.note, now, move.action, request_id=uuid.uuid4().hex)
        moved = version.followed_by(with_split(version.document, place, move.split), change)
        event = _event(move, version.document.flags[place.flag].rollout[place.index], place.flag, change)
        earlier, self._unsure = self._unsure, (moved, event)
        try:
            await self._flags.put(lambda head: _on(version, moved, head), version.etag)
        except (VersionConflict, StoreRefused, ReadOnlyStore):
            self._unsure = earlier
            raise
        self._unsure = None
        self._record(event)
        return moved

    def _settle(self) -> None:
        """Records a move whose write was not known to have succeeded, and has."""
        current = self._flags.current
        if self._unsure is None or current is None:
            return
        moved, event = self._unsure
        if moved.digest in (current.digest, current.previous):
            self._record(event)
        if current.number >= moved.number:
            self._unsure = None

    def _record(self, event: Event) -> None:
        _log.warning("rollout moves", flag=event.subject, action=event.action, note=event.why)
        self._audit.record(event)

    def _tell(self, trouble: str | None) -> None:
        if trouble and trouble != self.trouble:
            _log.warning("rollouts wait", reason=trouble)
        self.trouble = trouble

    async def _figures(self, flag: str, rollout: Sequence[Split], index: int) -> Figures:
        """Since the step began, of what this split may have decided. Raises StoreAway."""
        split, plan = rollout[index], rollout[index].plan
        if plan is None or plan.since is None:
            return Figures()
        earlier = tuple(each.when for each in rollout[:index])

        async def tally(side: Variant, since: datetime) -> Tally:
            return await self._outcomes.tally(flag, side, since, split.when, earlier)

        legacy = await tally(Variant.LEGACY, plan.since)
        if legacy.count - legacy.failed < max(plan.gate.min_outcomes, 1):
            # Too few to compare with, as at 100 percent: those from before the step do as well.
            legacy = await tally(Variant.LEGACY, self._clock() - KEPT_FOR)
        return Figures(
            crossover=await tally(Variant.CROSSOVER, plan.since),
            shadow=await tally(Variant.SHADOW, plan.since),
            legacy=legacy,
            parity=await self._parity.read(plan.gate.parity) if plan.gate.parity else None,
        )


def running(document: Document) -> Iterator[Place]:
    """The splits whose plans may move."""
    for name, flag in document.flags.items():
        for index, split in enumerate(flag.rollout):
            if split.plan is not None and split.plan.status is PlanStatus.RUNNING:
                yield Place(name, index)


def with_split(document: Document, place: Place, split: Split) -> Document:
    """The document with one split replaced, checked again as a whole."""
    flag = document.flags[place.flag]
    rollout = [*flag.rollout[: place.index], split, *flag.rollout[place.index + 1 :]]
    changed = Flag.model_validate({**dict(flag), "rollout": rollout})
    flags = {**document.flags, place.flag: changed}
    return Document.model_validate({"schema": 1, "kill": document.kill, "flags": flags})


def _on(judged: Version, moved: Version, head: Version | None) -> Version:
    if head is None or head.digest != judged.digest:
        raise VersionConflict(head)
    return moved


def _event(move: Move, before: Split, flag: str, change: Change) -> Event:
    return Event(
        who=WHO,
        tenant=PLATFORM,
        action=move.action,
        subject=flag,
        why=move.note,
        before=_told(before),
        after=_told(move.split),
        request_id=change.request_id,
    )


def _told(split: Split) -> dict[str, Any]:
    shares = {"crossover": split.crossover, "shadow": split.shadow}
    plan = {"status": split.plan.status.value, "step": split.plan.step} if split.plan else None
    return {**shares, "when": split.when.model_dump(mode="json", exclude_defaults=True), "plan": plan}
