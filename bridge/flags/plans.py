"""Plans of staged rollouts as edits of the document: begun, held, and ended by an operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.flags.rollouts import Place, with_split
from crossover.flags.edits import rollout
from crossover.flags.model import Document, Flag, Gate, PlanStep, Split, When
from crossover.flags.plan import plan, same


def begin(document: Document, name: str, when: When, steps: Sequence[PlanStep], gate: Gate) -> Document:
    """Raises ValueError for an unknown flag, and for steps that are none."""
    if _index(_flag(document, name), when) is None:
        document = rollout(document, name, 0, 0, when)
    flag = _flag(document, name)
    index = _index(flag, when)
    assert index is not None
    return with_split(document, Place(name, index), plan(flag, when, steps, gate))


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
