"""`depends`: when a task of a DAG may run, by the results of other tasks.

Source: argo-workflows workflow/common/ancestry.go and workflow/controller/dag.go. Whatever the expression, a
task is only looked at when **all** tasks it names are over: `a || b` waits for both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from argo_flow.graph.logic import And, Cursor, Expression, ExpressionError, Not, Or, parse_logic, parse_or
from argo_flow.graph.phases import NodePhase


class TaskResult(StrEnum):
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERRORED = "Errored"
    SKIPPED = "Skipped"
    OMITTED = "Omitted"
    DAEMONED = "Daemoned"
    ANY_SUCCEEDED = "AnySucceeded"
    ALL_FAILED = "AllFailed"


@dataclass(frozen=True, slots=True)
class TaskIs(Expression):
    """`task.Result`; without a result: succeeded, skipped, daemoned, or failed as its continueOn allows."""

    task: str
    result: TaskResult | None = None

    def __str__(self) -> str:
        return self.task if self.result is None else f"{self.task}.{self.result}"


Depends: TypeAlias = Expression


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended, as far as other tasks can ask.

    The `tolerated` phases are those of the task's own continueOn; fan-out groups say whether any or all of
    their items succeeded or failed, other tasks answer both with no.
    """

    phase: NodePhase
    tolerated: frozenset[NodePhase] = frozenset()
    daemoned: bool = False
    any_succeeded: bool = False
    all_failed: bool = False


_PATTERN = re.compile(
    r"(?P<space>\s+)|(?P<operator>&&|\|\||[!()])"
    r"|(?P<task>[A-Za-z0-9][-A-Za-z0-9_]*(?:\.[A-Za-z]+)?)"
)


def parse_depends(text: str) -> Depends:
    """The condition in `text`. Raises ExpressionError, naming the column."""
    return parse_logic(text, _PATTERN, _operand)


def named_tasks(depends: Depends) -> tuple[str, ...]:
    """The tasks that the condition names, each once, in the order written."""
    return tuple(dict.fromkeys(leaf.task for leaf in leaves(depends)))


def leaves(depends: Depends) -> Iterator[TaskIs]:
    match depends:
        case TaskIs():
            yield depends
        case Not(operand):
            yield from leaves(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from leaves(operand)


def holds(depends: Depends, outcomes: Mapping[str, Outcome]) -> bool:
    """Whether the condition holds; `outcomes` has every task it names."""
    match depends:
        case Or(operands):
            return any(holds(operand, outcomes) for operand in operands)
        case And(operands):
            return all(holds(operand, outcomes) for operand in operands)
        case Not(operand):
            return not holds(operand, outcomes)
        case TaskIs(task, result):
            return _is(outcomes[task], result)
    raise TypeError(f"{depends!r} is no part of a depends condition")


def _operand(cursor: Cursor) -> Expression:
    if cursor.take("!"):
        return Not(cursor.nested(_operand))
    if cursor.take("("):
        inner = cursor.nested(lambda nested: parse_or(nested, _operand))
        cursor.expect(")")
        return inner
    token = cursor.take_kind("task")
    if token is None:
        raise cursor.unexpected("instead of a task")
    name, _, result = token.text.partition(".")
    if not result:
        return TaskIs(name)
    if result not in list(TaskResult):
        raise ExpressionError(
            f"column {token.column}: {result!r} is no result of a task; one of {', '.join(TaskResult)}"
        )
    return TaskIs(name, TaskResult(result))


def _is(outcome: Outcome, result: TaskResult | None) -> bool:
    phase = outcome.phase
    match result:
        case None:
            usual = phase in (NodePhase.SUCCEEDED, NodePhase.SKIPPED) or phase in outcome.tolerated
            return usual or outcome.daemoned
        case TaskResult.ERRORED:
            return phase is NodePhase.ERROR
        case TaskResult.DAEMONED:
            return outcome.daemoned
        case TaskResult.ANY_SUCCEEDED:
            return outcome.any_succeeded
        case TaskResult.ALL_FAILED:
            return outcome.all_failed
        case _:
            return phase.value == result.value
