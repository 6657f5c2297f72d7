"""A rollout plan from its first step to its last, and what operators do to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from crossover.flags.gate import Figures
from crossover.flags.model import Flag, Gate, Plan, PlanStatus, PlanStep, Split, When
from crossover.flags.outcome import Tally
from crossover.flags.plan import Move, advance, pause, plan, resume, roll_back, stop

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HIVE = When(connector=("hive",))
STEPS = [
    PlanStep(shadow=20, hold=600),
    PlanStep(crossover=5, hold=600),
    PlanStep(crossover=25, hold=3600),
    PlanStep(crossover=100, hold=3600),
]
GATE = Gate(min_outcomes=10, max_failure_rate=0.1)
GOOD = Figures(crossover=Tally(100, 0, 1.0), shadow=Tally(100, 0, 1.0), legacy=Tally(100, 0, 1.0))
BAD = Figures(crossover=Tally(100, 50, 1.0), shadow=Tally(100, 50, 1.0))
LEGACY_BEFORE = Flag(rollout=(Split(crossover=2, when=HIVE),))


def planned(flag: Flag = LEGACY_BEFORE, gate: Gate = GATE) -> Split:
    return plan(flag, HIVE, STEPS, gate)


def moved(split: Split, figures: Figures, now: datetime) -> Move:
    move = advance(split, figures, now)
    assert move is not None
    return move


def started(now: datetime = NOW) -> Split:
    return moved(planned(), Figures(), now).split


def the_plan(split: Split) -> Plan:
    assert split.plan is not None
    return split.plan


def test_a_new_plan_changes_no_percentage_until_it_begins() -> None:
    split = planned()
    assert (split.crossover, split.shadow) == (2, 0)
    assert the_plan(split).back == PlanStep(crossover=2)
    move = moved(split, Figures(), NOW)
    assert (move.action, move.split.crossover, move.split.shadow) == ("rollout.started", 0, 20)
    assert move.note == "Step 1 of 4, 0 % crossover, 20 % shadow. The plan begins."


def test_a_plan_goes_through_all_its_steps_while_its_gate_holds() -> None:
    split, now, seen = started(), NOW, []
    for step in STEPS:
        assert advance(split, GOOD, now + timedelta(seconds=step.hold - 1)) is None
        now += timedelta(seconds=step.hold)
        move = moved(split, GOOD, now)
        split = move.split
        seen.append((move.action, split.crossover, split.shadow))
    assert seen == [
        ("rollout.advanced", 5, 0),
        ("rollout.advanced", 25, 0),
        ("rollout.advanced", 100, 0),
        ("rollout.completed", 100, 0),
    ]
    assert the_plan(split).status is PlanStatus.COMPLETED
    assert advance(split, BAD, now + timedelta(days=1)) is None


def test_a_step_whose_hold_time_is_over_waits_for_outcomes() -> None:
    few = Figures(shadow=Tally(9, 0))
    assert advance(started(), few, NOW + timedelta(days=3)) is None


def test_a_broken_gate_halts_at_once_and_returns_to_what_was_before_the_plan() -> None:
    advanced = moved(started(), GOOD, NOW + timedelta(hours=1)).split
    move = moved(advanced, BAD, NOW + timedelta(hours=1, seconds=1))
    assert (move.action, move.split.crossover, move.split.shadow) == ("rollout.halted", 2, 0)
    halted = the_plan(move.split)
    assert halted.status is PlanStatus.HALTED
    assert halted.note == move.note == "50 of 100 crossover's outcomes failed: more than 10.0%."
    assert advance(move.split, GOOD, NOW + timedelta(days=9)) is None


def test_a_plan_under_a_kill_switch_pauses_for_time_under_it_proves_nothing() -> None:
    move = advance(started(), GOOD, NOW + timedelta(hours=1), killed=True)
    assert move is not None
    assert (move.action, the_plan(move.split).status) == ("rollout.paused", PlanStatus.PAUSED)
    assert (move.split.crossover, move.split.shadow) == (0, 20)


def test_percentages_set_by_hand_pause_the_plan_instead_of_being_overwritten() -> None:
    by_hand = Split.model_validate({**dict(started()), "shadow": 0})
    move = moved(by_hand, GOOD, NOW + timedelta(days=1))
    assert (move.action, move.split.shadow) == ("rollout.paused", 0)
    assert "by hand" in the_plan(move.split).note


def test_a_paused_plan_moves_nowhere_and_its_step_begins_anew_when_resumed() -> None:
    paused = pause(started(), "a holiday")
    assert advance(paused, BAD, NOW + timedelta(days=9)) is None
    later = NOW + timedelta(days=9)
    again = moved(resume(paused), GOOD, later).split
    assert the_plan(again).since == later
    assert advance(again, GOOD, later + timedelta(seconds=599)) is None


def test_a_halted_plan_resumes_at_the_step_that_broke_with_new_figures() -> None:
    broken = moved(moved(started(), GOOD, NOW + timedelta(hours=1)).split, BAD, NOW + timedelta(hours=1))
    resumed = resume(broken.split)
    assert (resumed.crossover, the_plan(resumed).since) == (2, None)
    move = moved(resumed, Figures(), NOW + timedelta(days=1))
    assert (move.action, move.split.crossover, the_plan(move.split).step) == ("rollout.started", 5, 1)


def test_stopping_removes_the_plan_and_leaves_the_percentages() -> None:
    stopped = stop(started())
    assert (stopped.crossover, stopped.shadow, stopped.plan) == (0, 20, None)


def test_rolling_back_returns_to_what_was_before_even_after_the_last_step() -> None:
    split, now = started(), NOW
    for step in STEPS:
        now += timedelta(seconds=step.hold)
        split = moved(split, GOOD, now).split
    back = roll_back(split, "customers complain")
    assert (back.crossover, back.shadow) == (2, 0)
    assert (the_plan(back).status, the_plan(back).note) == (PlanStatus.HALTED, "customers complain")


def test_a_plan_that_replaces_an_unfinished_one_returns_to_what_that_would_have() -> None:
    running = Flag(rollout=(started(),))
    assert the_plan(planned(running)).back == PlanStep(crossover=2)
    completed = Split(crossover=100, when=HIVE, plan=Plan(steps=(STEPS[3],), status=PlanStatus.COMPLETED))
    assert the_plan(planned(Flag(rollout=(completed,)))).back == PlanStep(crossover=100)


def test_a_plan_belongs_to_the_split_with_its_condition_in_whatever_order() -> None:
    one = Split(crossover=7, when=When(connector=("hive", "kafka")))
    found = plan(Flag(rollout=(one,)), When(connector=("kafka", "hive")), STEPS, GATE)
    assert (found.crossover, found.when) == (7, one.when)
    new = plan(Flag(rollout=(one,)), When(), STEPS, GATE)
    assert (new.crossover, new.shadow, new.when) == (0, 0, When())


def test_what_makes_no_sense_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="there is no rollout plan here"):
        pause(Split())
    with pytest.raises(ValueError, match="this plan is running"):
        resume(started())
    with pytest.raises(ValueError, match="this plan is paused"):
        pause(pause(started()))
    with pytest.raises(ValueError, match="there is no rollout plan here"):
        stop(Split())
    with pytest.raises(ValidationError):
        plan(LEGACY_BEFORE, HIVE, [], GATE)


def test_no_step_can_ask_for_more_than_all_tenants() -> None:
    with pytest.raises(ValidationError, match="more than 100 percent"):
        PlanStep(crossover=60, shadow=60)


def test_a_reason_of_any_length_leaves_a_document_that_can_be_read() -> None:
    back = roll_back(started(), "x" * 5000)
    assert Split.model_validate(back.model_dump(mode="json")) == back
