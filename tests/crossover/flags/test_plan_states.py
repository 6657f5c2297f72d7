"""Any history of looks, outcomes, clocks and operators leaves a rollout plan in a state that makes sense."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crossover.flags.gate import Figures, Ruling, judge
from crossover.flags.model import Flag, Gate, Plan, PlanStatus, PlanStep, Split, When
from crossover.flags.outcome import Tally
from crossover.flags.plan import advance, pause, plan, resume, roll_back, stop

shares = st.integers(0, 100).flatmap(
    lambda crossover: st.builds(
        PlanStep,
        crossover=st.just(crossover),
        shadow=st.integers(0, 100 - crossover),
        hold=st.sampled_from([0, 60, 3600]),
    )
)
tallies = st.integers(0, 30).flatmap(
    lambda count: st.builds(Tally, st.just(count), st.integers(0, count), st.just(1.0))
)
gates = st.builds(
    Gate,
    min_outcomes=st.integers(0, 20),
    max_failure_rate=st.none() | st.sampled_from([0.0, 0.1, 0.5]),
)


class PlanStates(RuleBasedStateMachine):
    now = datetime(2026, 3, 1, tzinfo=UTC)
    split = Split()
    figures = Figures()

    @initialize(crossover=st.integers(0, 100), steps=st.lists(shares, min_size=1, max_size=5), gate=gates)
    def planned(self, crossover: int, steps: list[PlanStep], gate: Gate) -> None:
        before = Split(crossover=crossover)
        self.split = plan(Flag(rollout=(before,)), When(), steps, gate)
        self.before = PlanStep(crossover=crossover)

    @property
    def plan(self) -> Plan:
        assert self.split.plan is not None
        return self.split.plan

    @rule(seconds=st.sampled_from([1, 60, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(crossover=tallies, shadow=tallies)
    def outcomes_come(self, crossover: Tally, shadow: Tally) -> None:
        self.figures = Figures(crossover=crossover, shadow=shadow)

    @rule()
    def a_replica_looks(self) -> None:
        before, old = self.split, self.plan
        move = advance(before, self.figures, self.now)
        if move is None:
            return
        self.split = move.split
        assert old.status is PlanStatus.RUNNING
        assert 0 <= self.plan.step - old.step <= 1
        if move.action in ("rollout.advanced", "rollout.completed"):
            assert old.since is not None
            assert self.now - old.since >= timedelta(seconds=old.steps[old.step].hold)
            assert judge(old.gate, old.steps[old.step], self.figures, self.now).ruling is Ruling.HOLDS
        if move.action == "rollout.halted":
            assert judge(old.gate, old.steps[old.step], self.figures, self.now).ruling is Ruling.BROKEN

    @rule()
    def two_looks_at_once_take_two_steps_only_where_no_hold_time_is_set(self) -> None:
        first = advance(self.split, self.figures, self.now)
        second = advance(first.split, self.figures, self.now) if first else None
        if first and first.split.plan and second and second.action == "rollout.advanced":
            assert first.split.plan.steps[first.split.plan.step].hold == 0

    @rule()
    def a_kill_switch_is_met(self) -> None:
        shares = (self.split.crossover, self.split.shadow)
        move = advance(self.split, self.figures, self.now, killed=True)
        self.split = move.split if move else self.split
        assert (self.split.crossover, self.split.shadow) == shares
        assert self.plan.status is not PlanStatus.RUNNING

    @rule()
    def an_operator_pauses(self) -> None:
        with suppress(ValueError):
            self.split = pause(self.split, "by hand")

    @rule()
    def an_operator_resumes(self) -> None:
        with suppress(ValueError):
            self.split = resume(self.split)

    @rule()
    def an_operator_rolls_back(self) -> None:
        self.split = roll_back(self.split, "by hand")
        assert (self.split.crossover, self.split.shadow) == (self.before.crossover, 0)

    @precondition(lambda self: self.plan.status is PlanStatus.RUNNING)
    @rule(crossover=st.integers(0, 100))
    def an_operator_sets_a_percentage(self, crossover: int) -> None:
        self.split = Split.model_validate({**dict(self.split), "crossover": crossover, "shadow": 0})
        move = advance(self.split, self.figures, self.now)
        if self.plan.since is not None and move is not None and move.action == "rollout.advanced":
            step = self.plan.steps[self.plan.step]
            assert (step.crossover, step.shadow) == (crossover, 0)
        self.split = move.split if move else self.split

    @invariant()
    def the_percentages_are_the_steps_or_those_before_the_plan(self) -> None:
        shares = (self.split.crossover, self.split.shadow)
        if self.plan.status in (PlanStatus.RUNNING, PlanStatus.COMPLETED) and self.plan.since is not None:
            step = self.plan.steps[self.plan.step]
            assert shares == (step.crossover, step.shadow)
        if self.plan.status is PlanStatus.HALTED:
            assert shares == (self.before.crossover, 0)

    @invariant()
    def what_would_be_written_can_be_read(self) -> None:
        written = self.split.model_dump(mode="json", exclude_defaults=True)
        assert Split.model_validate(written) == self.split

    @invariant()
    def a_halt_returns_to_what_was_before(self) -> None:
        assert (self.plan.back.crossover, self.plan.back.shadow) == (self.before.crossover, 0)
        assert stop(self.split).plan is None


TestPlanStates = PlanStates.TestCase
TestPlanStates.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
