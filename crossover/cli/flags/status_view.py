"""Whether the flags in force are right, where rollouts stand, and why a tenant gets what it gets. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crossover.cli.flags.flag_view import PLAN_TONES, killed_line, plan_place, shares, status_of
from crossover.cli.flags.screen import VARIANT_TONES, Cell, Screen, Tone, condition, moment_of, where
from crossover.contract.durations import format_duration

Json = dict[str, Any]

_STATES = {"fresh": Tone.GOOD, "stale": Tone.WARN, "refused": Tone.ALARM}
_RULINGS = {"holds": Tone.GOOD, "waits": Tone.WARN, "broken": Tone.ALARM}


def store(screen: Screen, found: Json) -> Iterator[str]:
    """The store's state, as the replica that answered sees it."""
    state = found["state"]
    told = f"{state} · version {found['version']}{'' if found['writable'] else ' · read-only'}"
    rows = [(Cell("store", Tone.FAINT), Cell(told, _STATES.get(state, Tone.PLAIN)))]
    if state != "fresh" or found["detail"]:
        since = f"{screen.ago(found['since'])}: {found['detail']}" if found["detail"] else "no detail"
        rows.append((Cell(""), Cell(since)))
    yield from screen.rows(rows)


def status(screen: Screen, found: Json, document: Json, standings: Mapping[str, Json]) -> Iterator[str]:
    """The store, kill switches, and the plans of all flags."""
    yield from store(screen, found)
    if document.get("kill"):
        yield killed_line(screen)
    killed = [name for name, flag in document.get("flags", {}).items() if flag.get("kill")]
    if killed:
        yield screen.paint(f"kill switch on: {', '.join(killed)}", Tone.ALARM)
    for name, standing in standings.items():
        yield ""
        for plan in standing["plans"]:
            yield from _plan(screen, name, plan)
        if standing["trouble"]:
            yield screen.paint(f"rollouts wait: {standing['trouble']}", Tone.WARN)
    if not standings:
        yield screen.paint("no plans", Tone.FAINT)


def _plan(screen: Screen, name: str, standing: Json) -> Iterator[str]:
    plan, state = standing["plan"], status_of(standing["plan"])
    place = screen.paint(f"plan {plan_place(plan)}", PLAN_TONES.get(state, Tone.PLAIN))
    yield f"{screen.paint(name, Tone.NAME)}  {place}  {screen.paint(where(standing['when']))}".rstrip()
    rows = [(Cell(f"step {at + 1}", _step_tone(plan, at)), *_step(screen, plan, at)) for at in _steps(plan)]
    if state == "running":
        tone = _RULINGS.get(standing["ruling"], Tone.PLAIN)
        rows.append((Cell("gate"), Cell(standing["ruling"], tone), Cell(standing["sentence"])))
    rows += [
        (Cell(side, Tone.FAINT), *_tally(tally))
        for side, tally in standing["figures"].items()
        if tally["count"]
    ]
    if note := plan.get("note"):
        rows.append((Cell("note", Tone.FAINT), Cell(state), Cell(note)))
    yield from screen.rows(rows, indent=2)


def _steps(plan: Json) -> range:
    return range(len(plan["steps"]))


def _step_tone(plan: Json, at: int) -> Tone:
    return Tone.BOLD if at == plan.get("step", 0) and status_of(plan) != "completed" else Tone.FAINT


def _step(screen: Screen, plan: Json, at: int) -> tuple[Cell, Cell]:
    step, now, state = plan["steps"][at], plan.get("step", 0), status_of(plan)
    hold = float(step.get("hold", 3600))
    if state == "completed" or at < now:
        return Cell(shares(step), Tone.FAINT), Cell("done", Tone.FAINT)
    if at > now or state == "halted":
        return Cell(shares(step), Tone.FAINT), Cell(f"holds {format_duration(hold)}", Tone.FAINT)
    return Cell(shares(step), Tone.BOLD), Cell(_held(screen, plan, hold))


def _held(screen: Screen, plan: Json, hold: float) -> str:
    if (since := moment_of(plan.get("since"))) is None:
        return "about to begin"
    passed = max(0.0, (screen.now - since).total_seconds())
    left = hold - passed
    more = f"{format_duration(left)} to go" if left > 0 else "hold time over"
    return f"for {format_duration(passed)}, {more}"


def _tally(tally: Json) -> tuple[Cell, Cell]:
    parts = [f"{tally['failed']} failed ({tally['failed'] / tally['count']:.1%})"]
    if tally["median_duration"] is not None:
        parts.append(f"median {format_duration(tally['median_duration'])}")
    if tally["compared"]:
        parts.append(f"{tally['mismatched']} of {tally['compared']} compared differ")
    return Cell(f"{tally['count']} outcomes"), Cell(", ".join(parts))


def explanation(screen: Screen, answer: Json, tenant: str, given: Mapping[str, str]) -> Iterator[str]:
    """The answer first, then every rule in the order in which it is asked."""
    found = answer["evaluation"]
    asked = condition({key: [word] for key, word in given.items()})
    head = f"{screen.paint(found['flag'], Tone.NAME)} for {screen.paint(tenant, Tone.BOLD)}"
    head += f" where {screen.paint(asked)}" if asked else ""
    yield f"{head}: {screen.variant(found['variant'])}"
    stale = ", STALE: the store is not read at the moment" if answer["stale"] else ""
    told = f"{found['reason']} by {_short(found)}, version {found['config_version']}{stale}"
    yield screen.paint(told, Tone.WARN if stale else Tone.FAINT)
    yield from screen.rows((_reason(found, step) for step in answer["steps"]), indent=2)


def _reason(found: Json, step: Json) -> tuple[Cell, ...]:
    rule = _short({**found, "rule": step["rule"]})
    why = step["why"].replace(f"flags.{found['flag']}.", "")
    if step["applied"]:
        tone = VARIANT_TONES.get(found["variant"], Tone.PLAIN) or Tone.BOLD
        return Cell("✔", Tone.GOOD), Cell(rule, Tone.BOLD), Cell(why, tone)
    return Cell("\N{EN DASH}", Tone.FAINT), Cell(rule, Tone.FAINT), Cell(why, Tone.FAINT)


def _short(found: Json) -> str:
    """A rule's path within its flag; `kill` alone is the switch of all flags."""
    rule = str(found["rule"])
    return "kill of all flags" if rule == "kill" else rule.removeprefix(f"flags.{found['flag']}.")
