"""Plans of staged rollouts as edits of the document: begun, held, and ended by an operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.flags.rollouts import Place, with_split
from crossover.flags.edits import set_flag
from crossover.flags.model import Document, Flag, Gate, PlanStep, Split, When
from crossover.flags.plan import plan, same


def begin(document: Document, name: str, when: When, steps: Sequence[PlanStep], gate: Gate) -> Document:
    """Raises ValueError for an unknown flag, and for steps that are none."""
    flag = _flag(document, name)
    split = plan(flag, when, steps, gate)
    index = _index(flag, when)
    if index is not None:
        return with_split(document, Place(name, index), split)
    # A split for everyone hides what comes after it: the new one goes before the first of these.
    open_at = next((at for at, each in enumerate(flag.rollout) if each.when == When()), len(flag.rollout))
    rollout = (*flag.rollout[:open_at], split, *flag.rollout[open_at:])
    return set_flag(document, name, Flag.model_validate({**dict(flag), "rollout": rollout}))


def control(document: Document, name: str, when: When, change: Callable[[Split], Split]) -> Document:
    """Raises ValueError for an unknown flag, a condition without a rollout, and what `change` refuses."""
    flag = _flag(document, name)
    index = _index(flag, when)
    if index is None:
        raise ValueError(f"flag {name} has no rollout with this condition")
    return with_split(document, Place(name, index), change(flag.rollout[index]))


def _flag(document: Document, name: str) -> Flag:
    try:
        return document.flags[name]
    except KeyError:
        raise ValueError(f"there is no flag {name}: create it first") from None


def _index(flag: Flag, when: When) -> int | None:
    return next((at for at, split in enumerate(flag.rollout) if same(split.when, when)), None)
