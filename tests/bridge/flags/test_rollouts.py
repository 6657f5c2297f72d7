"""Replicas that move staged rollouts together: on a real Redis, through races, crashes and outages."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.flags.parity import ParityVerdicts
from bridge.flags.rollouts import Place, Rollouts, with_split
from crossover.audit import Entry, Event
from crossover.flags.gate import Ruling
from crossover.flags.model import Document, Flag, Gate, Plan, PlanStatus, PlanStep, Split, Variant, When
from crossover.flags.plan import plan, resume
from crossover.flags.version import Change, Version
from crossover.stores.file_flags import FileFlags
from crossover.stores.flag_keeper import FlagKeeper
from crossover.stores.flag_store import FlagStore
from crossover.stores.outcomes import LocalOutcomes, Outcomes
from crossover.stores.redis_client import RedisAccess, RedisClient, connect
from crossover.stores.redis_flags import RedisFlags
from crossover.stores.redis_outcomes import RedisOutcomes
from crossover.stores.redis_url import parse_redis_url
from testbed.redis import RedisServer
from tests.crossover.stores.test_outcomes_contract import outcome
from tests.patience import PATIENCE
from tests.proxy import Proxy

NAME = "enable_crossover"
STEPS = [PlanStep(crossover=share, hold=60) for share in (5, 25, 50, 100)]
GATE = Gate(min_outcomes=3, max_failure_rate=0.1)
HIVE = When(connector=("hive",))


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Recorded:
    """An audit that remembers what it was told."""

    events: list[Event] = field(default_factory=list)

    def record(self, event: Event) -> None:
        self.events.append(event)

    async def read(self, *, tenant: str | None, after: str | None, limit: int) -> Sequence[Entry]:
        return []

    async def verify(self) -> Sequence[str]:
        return []

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass
class Replica:
    keeper: FlagKeeper
    store: FlagStore
    outcomes: Outcomes
    rollouts: Rollouts
    clock: Clock

    @property
    def split(self) -> Split:
        assert self.keeper.current is not None
        return self.keeper.current.document.flags[NAME].rollout[-1]

    @property
    def plan(self) -> Plan:
        assert self.split.plan is not None
        return self.split.plan

    async def change(self, document: Document) -> None:
        change = Change("ada", "because", datetime.now(UTC))

        def build(head: Version | None) -> Version:
            return head.followed_by(document, change) if head else Version.first(document, change)

        await self.keeper.put(build, None)

    async def sees(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.keeper.wait_for_change(number - 1)

    async def ended_well(self, count: int) -> None:
        for number in range(count):
            await self.outcomes.add(outcome(id=f"good-{number}-{random.random()}", at=self.clock.now))

    async def ended_badly(self, count: int) -> None:
        for number in range(count):
            bad = outcome(id=f"bad-{number}-{random.random()}", at=self.clock.now, succeeded=False)
            await self.outcomes.add(bad)


@asynccontextmanager
async def replica(
    store: FlagStore, outcomes: Outcomes, audit: Recorded, clock: Clock, places: dict[str, str] | None = None
) -> AsyncGenerator[Replica, None]:
    keeper = FlagKeeper(store, None, poll=0.05, start_within=PATIENCE)
    parity = ParityVerdicts(places or {})
    await keeper.start()
    following = asyncio.create_task(keeper.run())
    try:
        rollouts = Rollouts(keeper, outcomes, parity, audit, clock=clock)
        yield Replica(keeper, store, outcomes, rollouts, clock)
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await parity.aclose()
        await outcomes.aclose()
        await store.aclose()


def client(address: str) -> RedisClient:
    return connect(parse_redis_url(f"redis://{address}"), RedisAccess(), timeout=PATIENCE)


@pytest.fixture
async def redis() -> AsyncGenerator[RedisServer, None]:
    async with RedisServer() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def audit() -> Recorded:
    return Recorded()


@pytest.fixture
async def replicas(redis: RedisServer, audit: Recorded, clock: Clock) -> AsyncGenerator[list[Replica], None]:
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(3):
            store = RedisFlags(client(f"127.0.0.1:{redis.port}"), timeout=PATIENCE)
            outcomes = RedisOutcomes(client(f"127.0.0.1:{redis.port}"), timeout=PATIENCE)
            opened.append(await stack.enter_async_context(replica(store, outcomes, audit, clock)))
        yield opened


@pytest.fixture
async def one(audit: Recorded, clock: Clock, redis: RedisServer) -> AsyncGenerator[Replica, None]:
    store = RedisFlags(client(f"127.0.0.1:{redis.port}"), timeout=PATIENCE)
    async with replica(store, LocalOutcomes(clock=clock), audit, clock) as opened:
        yield opened


def planned(
    gate: Gate = GATE, *, earlier: tuple[Split, ...] = (), steps: Sequence[PlanStep] = STEPS
) -> Document:
    flag = Flag(rollout=(*earlier, plan(Flag(rollout=(Split(crossover=1),)), When(), steps, gate)))
    return Document.model_validate({"schema": 1, "flags": {NAME: flag}})


async def test_a_plan_begins_advances_and_completes_with_an_audit_entry_for_each_move(
    one: Replica, clock: Clock, audit: Recorded
) -> None:
    await one.change(planned())
    await one.rollouts.round()
    shares = [one.split.crossover]
    for _ in STEPS:
        await one.ended_well(3)
        await one.rollouts.round()
        assert one.split.crossover == shares[-1]  # not before its time
        clock.passes(60)
        await one.rollouts.round()
        shares.append(one.split.crossover)
    assert shares == [5, 25, 50, 100, 100]
    assert one.plan.status is PlanStatus.COMPLETED
    assert [event.action for event in audit.events] == [
        "rollout.started",
        *["rollout.advanced"] * 3,
        "rollout.completed",
    ]
    assert {(event.who, event.tenant, event.subject) for event in audit.events} == {("rollout", "*", NAME)}
    assert (audit.events[1].before["crossover"], audit.events[1].after["crossover"]) == (5, 25)
    history = await one.store.history()
    assert [each.change.action for each in reversed(history)][1:] == [e.action for e in audit.events]
    assert {each.change.who for each in history} == {"ada", "rollout"}


async def test_failures_halt_the_plan_and_bring_the_percentages_back(
    one: Replica, clock: Clock, audit: Recorded
) -> None:
    await one.change(planned())
    await one.rollouts.round()
    await one.ended_badly(1)
    await one.rollouts.round()
    assert (one.split.crossover, one.plan.status) == (1, PlanStatus.HALTED)
    event = audit.events[-1]
    assert (event.action, event.why) == ("rollout.halted", one.plan.note)
    assert one.plan.note == "1 of 1 crossover's outcomes failed: more than 10.0%."
    clock.passes(3600)
    await one.ended_well(100)
    await one.rollouts.round()
    assert one.split.crossover == 1


async def test_outcomes_from_before_the_step_say_nothing_about_it(one: Replica, clock: Clock) -> None:
    await one.ended_badly(5)
    clock.passes(1)
    await one.change(planned())
    await one.rollouts.round()
    await one.rollouts.round()
    assert one.plan.status is PlanStatus.RUNNING


async def test_outcomes_that_an_earlier_split_decided_do_not_count(one: Replica, clock: Clock) -> None:
    await one.change(planned(earlier=(Split(crossover=50, when=HIVE),)))
    await one.rollouts.round()
    for number in range(9):
        bad = outcome(id=f"hive-{number}", at=clock.now, succeeded=False, connector="hive")
        await one.outcomes.add(bad)
    await one.rollouts.round()
    assert (one.split.crossover, one.plan.status) == (5, PlanStatus.RUNNING)


async def test_at_100_percent_durations_are_compared_with_legacys_of_the_last_30_days(
    one: Replica, clock: Clock
) -> None:
    for number in range(3):
        await one.outcomes.add(
            outcome(
                id=f"legacy-{number}", side=Variant.LEGACY, duration=10.0, at=clock.now - timedelta(days=9)
            )
        )
    await one.change(planned(Gate(min_outcomes=3, max_duration_ratio=1.5)))
    await one.rollouts.round()
    for number in range(3):
        await one.outcomes.add(outcome(id=f"crossover-{number}", duration=16.0, at=clock.now))
    (standing,) = await one.rollouts.standing(NAME)
    assert standing.figures.legacy.median_duration == 10.0
    assert standing.verdict.ruling is Ruling.BROKEN
    await one.rollouts.round()
    assert one.plan.note == "crossover's median duration is 16 s, legacy's 10 s: more than 1.5 times as long."


async def test_legacys_outcomes_since_the_step_began_come_first(one: Replica, clock: Clock) -> None:
    for age, duration in ((9, 1.0), (0, 10.0)):
        for number in range(3):
            at = clock.now - timedelta(days=age)
            await one.outcomes.add(
                outcome(id=f"{age}-{number}", side=Variant.LEGACY, duration=duration, at=at)
            )
    await one.change(planned(Gate(min_outcomes=3, max_duration_ratio=1.5)))
    await one.rollouts.round()
    (standing,) = await one.rollouts.standing(NAME)
    assert (standing.figures.legacy.count, standing.figures.legacy.median_duration) == (3, 10.0)


@pytest.mark.parametrize("everything", [True, False])
async def test_a_kill_switch_pauses_plans_until_an_operator_resumes_them(
    one: Replica, clock: Clock, audit: Recorded, everything: bool
) -> None:
    await one.change(planned(Gate()))
    await one.rollouts.round()
    assert one.keeper.current is not None
    alive = one.keeper.current.document
    killed = alive.model_dump(by_alias=True)
    if everything:
        killed["kill"] = True
    else:
        killed["flags"][NAME]["kill"] = True
    await one.change(Document.model_validate(killed))
    clock.passes(3600)
    await one.rollouts.round()
    assert (one.split.crossover, one.plan.status) == (5, PlanStatus.PAUSED)
    assert audit.events[-1].action == "rollout.paused"
    await one.change(with_split(alive, Place(NAME, 0), resume(one.split)))
    await one.rollouts.round()
    assert (one.split.crossover, one.plan.since) == (5, clock.now)


async def test_a_parity_verdict_that_fails_halts_the_plan(
    redis: RedisServer, audit: Recorded, clock: Clock, tmp_path: Path
) -> None:
    store, place = RedisFlags(client(f"127.0.0.1:{redis.port}"), timeout=PATIENCE), tmp_path / "verdict.json"
    async with replica(store, LocalOutcomes(), audit, clock, {"nightly": str(place)}) as one:
        await one.change(planned(Gate(parity="nightly")))
        await one.rollouts.round()
        clock.passes(60)
        await one.rollouts.round()
        assert one.plan.step == 0  # it waits
        place.write_text(f'{{"verdict": "pass", "at": "{clock.now.isoformat()}"}}')
        await one.rollouts.round()
        assert one.plan.step == 1
        place.write_text(f'{{"verdict": "fail", "at": "{clock.now.isoformat()}", "summary": "7 rows"}}')
        await one.rollouts.round()
        assert one.plan.note == "The parity verdict nightly is fail: 7 rows"


async def test_plans_of_several_flags_move_in_one_round(one: Replica) -> None:
    split = plan(Flag(), When(), STEPS, Gate())
    hive = plan(Flag(), HIVE, STEPS, Gate())
    flags = {name: Flag(rollout=(hive, split)) for name in ("one", "two", "three")}
    await one.change(Document.model_validate({"schema": 1, "flags": flags}))
    await one.rollouts.round()
    assert one.keeper.current is not None
    shares = [s.crossover for flag in one.keeper.current.document.flags.values() for s in flag.rollout]
    assert shares == [5] * 6


async def test_replicas_that_look_at_once_make_each_move_once(
    replicas: list[Replica], clock: Clock, audit: Recorded
) -> None:
    await replicas[0].change(planned())
    for number in range(1, 2 + len(STEPS)):
        for each in replicas:
            await each.sees(number)
        await asyncio.gather(*[each.rollouts.round() for each in replicas for _ in range(3)])
        for each in replicas:
            await each.sees(number + 1)
        assert len({each.split for each in replicas}) == 1
        await asyncio.gather(*[each.rollouts.round() for each in replicas])
        clock.passes(60)
        await replicas[number % 3].ended_well(3)
    actions = [each.change.action for each in reversed(await replicas[0].store.history())]
    moves = ["rollout.started", *["rollout.advanced"] * 3, "rollout.completed"]
    assert actions == ["put", *moves]
    assert Counter(event.action for event in audit.events) == Counter(moves)


async def test_an_operators_change_at_the_same_moment_is_not_lost(
    replicas: list[Replica], clock: Clock
) -> None:
    one, other, third = replicas
    await one.change(planned(Gate()))

    def denied(head: Version | None) -> Version:
        assert head is not None
        flags = head.document.model_dump(by_alias=True)
        flags["flags"][NAME]["description"] += "!"
        return head.followed_by(Document.model_validate(flags), Change("ada", "", clock.now))

    for _ in range(10):
        await asyncio.gather(
            other.rollouts.round(), third.rollouts.round(), *[one.keeper.put(denied, None) for _ in range(3)]
        )
        clock.passes(60)
    head = await one.store.head()
    assert head is not None
    assert head.document.flags[NAME].description == "!" * 30
    history = await one.store.history()
    assert len(history) == head.number == 31 + sum(each.change.who == "rollout" for each in history)


async def test_replicas_that_die_in_the_middle_leave_a_plan_that_others_go_on_with(
    replicas: list[Replica], clock: Clock
) -> None:
    shares = list(range(2, 42))
    steps = [PlanStep(crossover=share, hold=60) for share in shares]
    await replicas[0].change(planned(Gate(), steps=steps))
    deaths = 0
    for attempt in range(60):
        victim = asyncio.create_task(replicas[attempt % 2].rollouts.round())
        await asyncio.sleep(0.0002 * (attempt % 8))
        deaths += victim.cancel()
        await asyncio.gather(victim, return_exceptions=True)
        clock.passes(30)
    assert deaths > 5
    survivor = replicas[2]
    for _ in range(len(steps) + 1):
        head = await survivor.store.head()
        assert head is not None
        await survivor.sees(head.number)
        clock.passes(60)
        await survivor.rollouts.round()
    assert survivor.plan.status is PlanStatus.COMPLETED
    moves = [each for each in reversed(await survivor.store.history()) if each.change.who == "rollout"]
    seen = [each.document.flags[NAME].rollout[0].crossover for each in moves]
    assert seen == [*shares, shares[-1]]


async def test_a_move_whose_answer_was_lost_is_audited_once_when_it_shows(
    redis: RedisServer, clock: Clock, audit: Recorded
) -> None:
    async with Proxy(redis.port) as proxy:
        store = RedisFlags(client(proxy.address), timeout=PATIENCE)
        async with replica(store, LocalOutcomes(), audit, clock) as one:
            await one.change(planned(Gate()))
            proxy.mode = "drop_replies"
            await one.rollouts.round()
            assert one.rollouts.trouble is not None
            assert audit.events == []
            proxy.mode = "forward"
            await one.sees(2)
            for _ in range(3):
                await one.rollouts.round()
            assert [event.action for event in audit.events] == ["rollout.started"]
            assert one.rollouts.trouble is None


async def test_without_figures_no_plan_moves(redis: RedisServer, clock: Clock, audit: Recorded) -> None:
    async with Proxy(redis.port) as proxy:
        store, outcomes = (
            RedisFlags(client(f"127.0.0.1:{redis.port}"), timeout=PATIENCE),
            RedisOutcomes(client(proxy.address), timeout=PATIENCE),
        )
        async with replica(store, outcomes, audit, clock) as one:
            await one.change(planned(Gate()))
            await one.rollouts.round()
            await proxy.refuse()
            clock.passes(3600)
            await one.rollouts.round()
            assert one.plan.step == 0
            assert one.rollouts.trouble is not None
            assert "stays at its step" in one.rollouts.trouble
            await proxy.listen()
            await one.rollouts.round()
            assert one.plan.step == 1
            assert one.rollouts.trouble is None


async def test_a_document_that_is_not_ours_to_write_keeps_its_plans_where_they_are(
    tmp_path: Path, clock: Clock, audit: Recorded
) -> None:
    path = tmp_path / "flags.json"
    path.write_text(planned().model_dump_json(by_alias=True))
    store = FileFlags(path, writable=False, state=tmp_path / "state", timeout=PATIENCE)
    async with replica(store, LocalOutcomes(), audit, clock) as one:
        await one.rollouts.round()
        assert (one.split.crossover, audit.events) == (1, [])
        assert one.rollouts.trouble is not None
        assert "flags.json" in one.rollouts.trouble


async def test_a_replica_without_flags_has_nothing_to_move(one: Replica, audit: Recorded) -> None:
    await one.rollouts.round()
    assert (await one.rollouts.standing(NAME), audit.events) == ([], [])
