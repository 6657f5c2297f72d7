"""Commands of staged rollouts: begun, held, let go on, and ended."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from crossover.cli.flags.arguments import plan_steps, rate
from crossover.cli.flags.changing import change, condition
from crossover.cli.flags.options import DryRun, Flag, Reason, When, checked
from crossover.cli.flags.output import note
from crossover.cli.flags.session import Session

_GATE = "Gate: what must hold for the plan to go on"


def plan(
    session: Session,
    flag: Flag,
    reason: Reason,
    steps: Annotated[
        str,
        typer.Option(
            show_default=False,
            help="PERCENT[+SHADOW][:HOLD] each, such as 5:1h,25:4h,50+10:1h,100; HOLD is 1h if left out.",
        ),
    ],
    max_failure_rate: Annotated[
        str | None,
        typer.Option(show_default=False, help="Of crossover's outcomes, such as 2%.", rich_help_panel=_GATE),
    ] = None,
    max_duration_ratio: Annotated[
        float | None,
        typer.Option(
            show_default=False, help="Crossover's median duration by legacy's.", rich_help_panel=_GATE
        ),
    ] = None,
    max_mismatch_rate: Annotated[
        str | None,
        typer.Option(
            show_default=False, help="Of shadow's outputs that differ from legacy's.", rich_help_panel=_GATE
        ),
    ] = None,
    min_outcomes: Annotated[
        int | None,
        typer.Option(
            min=0, show_default=False, help="Outcomes each figure needs (20).", rich_help_panel=_GATE
        ),
    ] = None,
    parity: Annotated[
        str | None,
        typer.Option(show_default=False, help="Name of a parity verdict.", rich_help_panel=_GATE),
    ] = None,
    when: When = None,
    dry_run: DryRun = False,
) -> None:
    """Begin a staged rollout: it goes on while its gate holds, and back to where it was when it breaks."""
    stages, place = checked("--steps", steps, plan_steps), condition(when)
    asked = {
        "max_failure_rate": _rate("--max-failure-rate", max_failure_rate),
        "max_duration_ratio": max_duration_ratio,
        "max_mismatch_rate": _rate("--max-mismatch-rate", max_mismatch_rate),
        "parity": parity,
    }
    gate: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    if not gate:
        note("this plan's gate asks nothing: it goes on by time alone, whatever happens")
    if min_outcomes is not None:
        gate["min_outcomes"] = min_outcomes
    first = {"crossover": stages[0]["crossover"], "shadow": stages[0].get("shadow", 0), "when": place}
    effects = session.client.send(
        "POST", f"flags/{flag}/rollout", {**first, "reason": reason}, dry_run="true"
    ).content["effects"]
    body = {"steps": stages, "gate": gate, "when": place}
    change(session, f"flags/{flag}/plan", body, reason, dry_run, effects=effects)


def _rate(option: str, value: str | None) -> float | None:
    found: float | None = None if value is None else checked(option, value, rate)
    return found


def pause(session: Session, flag: Flag, reason: Reason, when: When = None, dry_run: DryRun = False) -> None:
    """Hold a plan at its step: the percentages stay."""
    _control(session, "pause", flag, reason, when, dry_run)


def resume(session: Session, flag: Flag, reason: Reason, when: When = None, dry_run: DryRun = False) -> None:
    """Let a paused or halted plan go on: its step begins anew."""
    _control(session, "resume", flag, reason, when, dry_run)


def stop(session: Session, flag: Flag, reason: Reason, when: When = None, dry_run: DryRun = False) -> None:
    """End a plan: the percentages stay."""
    _control(session, "stop", flag, reason, when, dry_run)


def roll_back(
    session: Session, flag: Flag, reason: Reason, when: When = None, dry_run: DryRun = False
) -> None:
    """Halt a plan: the percentages go back to those from before it."""
    _control(session, "roll-back", flag, reason, when, dry_run)


def _control(
    session: Session, word: str, flag: str, reason: str, when: list[str] | None, dry_run: bool
) -> None:
    change(session, f"flags/{flag}/{word}", {"when": condition(when)}, reason, dry_run)
