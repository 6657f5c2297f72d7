"""A staged rollout's plan: when it begins, goes on, halts and ends, and what operators do to it. Pure.

    running ──gate holds, hold time over──▶ next step … ──▶ completed
       │ ▲
       │ └─ resume ── paused   (by an operator, a kill switch, or percentages set by hand)
       └─ gate broken ──▶ halted, percentages as before the plan

Percentages move only together with the plan's own state, in one document: a replica that dies in between
leaves one or the other whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crossover.errors import cut
from crossover.flags.gate import Figures, Ruling, Verdict, judge
from crossover.flags.model import Flag, Gate, Plan, PlanStatus, PlanStep, Split, When

NOTE_LIMIT = 500
"""Characters that a plan keeps of a note."""

KILLED = "The kill switch is on: resume the plan when it is off."
BY_HAND = "Percentages were set by hand: resume the plan to return to its step, or stop it."


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a split. `action` is the audit's word for it, `note` the reason in a sentence."""

    split: Split
    action: str
    note: str


def advance(split: Split, figures: Figures, now: datetime, *, killed: bool = False) -> Move | None:
    """The split's next move; None while there is nothing to do.

    Args:
        figures: since the plan's step began.
        killed: the flag's kill switch, or the one for all flags, is on. Time under it proves nothing.
    """
    plan = split.plan
    if plan is None or plan.status is not PlanStatus.RUNNING:
        return None
    if killed:
        return Move(pause(split, KILLED), "rollout.paused", KILLED)
    if plan.since is None:
        return _enter(split, plan, plan.step, now, "rollout.started", "The plan begins.")
    if not _in_force(split, plan.steps[plan.step]):
        return Move(pause(split, BY_HAND), "rollout.paused", BY_HAND)
    verdict = judge(plan.gate, plan.steps[plan.step], figures, now)
    if verdict.ruling is Ruling.BROKEN:
        return Move(roll_back(split, verdict.sentence), "rollout.halted", verdict.sentence)
    over = now - plan.since >= timedelta(seconds=plan.steps[plan.step].hold)
    return _onward(split, plan, verdict, now) if over and verdict.ruling is Ruling.HOLDS else None


def plan(flag: Flag, when: When, steps: Sequence[PlanStep], gate: Gate) -> Split:
    """The flag's split for `when`, or a new one, with a plan that begins at the next look.

    A halt returns to today's percentages; where those are an unfinished plan's, to what that would return to.
    Raises ValueError (pydantic's) for steps that are none.
    """
    split = next((each for each in flag.rollout if same(each.when, when)), Split(when=when))
    old = split.plan
    unfinished = old is not None and old.status in (PlanStatus.RUNNING, PlanStatus.PAUSED)
    back = old.back if old and unfinished else PlanStep(crossover=split.crossover, shadow=split.shadow)
    return _changed(split, plan=Plan(steps=tuple(steps), gate=gate, back=back))


def pause(split: Split, note: str = "") -> Split:
    """The step's percentages stay, and nothing moves. Raises ValueError where no plan is running."""
    current = _plan_of(split)
    if current.status is not PlanStatus.RUNNING:
        raise ValueError(f"this plan is {current.status}: only a running one can be paused")
    return _replan(split, status=PlanStatus.PAUSED, note=note)


def resume(split: Split) -> Split:
    """The step that was left begins anew: its hold time, and the figures of its gate.
    Raises ValueError where no plan is paused or halted."""
    current = _plan_of(split)
    if current.status not in (PlanStatus.PAUSED, PlanStatus.HALTED):
        raise ValueError(f"this plan is {current.status}: only one paused or halted can be resumed")
    return _replan(split, status=PlanStatus.RUNNING, since=None, note="")


def stop(split: Split) -> Split:
    """No plan any more; percentages stay as they are. Raises ValueError without a plan."""
    _plan_of(split)
    return _changed(split, plan=None)


def roll_back(split: Split, note: str) -> Split:
    """The percentages from before the plan, which halts. Raises ValueError without a plan."""
    back = _plan_of(split).back
    halted = _replan(split, status=PlanStatus.HALTED, note=note)
    return _changed(halted, crossover=back.crossover, shadow=back.shadow)


def same(one: When, other: When) -> bool:
    """Whether two conditions take the same values, in whatever order they name them."""
    return all(set(getattr(one, key)) == set(getattr(other, key)) for key in When.model_fields)


def _onward(split: Split, plan: Plan, verdict: Verdict, now: datetime) -> Move:
    if plan.step + 1 < len(plan.steps):
        return _enter(split, plan, plan.step + 1, now, "rollout.advanced", verdict.sentence)
    done = _replan(split, status=PlanStatus.COMPLETED, note="")
    return Move(done, "rollout.completed", verdict.sentence)


def _enter(split: Split, plan: Plan, number: int, now: datetime, action: str, why: str) -> Move:
    step = plan.steps[number]
    entered = _changed(
        _replan(split, step=number, since=now, note=""), crossover=step.crossover, shadow=step.shadow
    )
    share = f"{step.crossover:g} % crossover, {step.shadow:g} % shadow"
    return Move(entered, action, f"Step {number + 1} of {len(plan.steps)}, {share}. {why}")


def _in_force(split: Split, step: PlanStep) -> bool:
    return (split.crossover, split.shadow) == (step.crossover, step.shadow)


def _plan_of(split: Split) -> Plan:
    if split.plan is None:
        raise ValueError("there is no rollout plan here")
    return split.plan


def _replan(split: Split, **changes: Any) -> Split:
    if "note" in changes:
        changes["note"] = cut(changes["note"], NOTE_LIMIT)
    return _changed(split, plan=Plan.model_validate({**dict(_plan_of(split)), **changes}))


def _changed(split: Split, **changes: Any) -> Split:
    """Checked again, unlike model_copy's: what no reader would accept is never written."""
    return Split.model_validate({**dict(split), **changes})
