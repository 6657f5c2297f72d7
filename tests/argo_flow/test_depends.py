"""`depends`: reading, printing and evaluating conditions over tasks."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_flow.graph.depends import Depends, Outcome, TaskIs, TaskResult, holds, named_tasks, parse_depends
from argo_flow.graph.logic import And, ExpressionError, Not, Or
from argo_flow.graph.phases import NodePhase

TASKS = ("a", "b-2", "load-table", "Z")

leaves = st.builds(TaskIs, st.sampled_from(TASKS), st.none() | st.sampled_from(TaskResult))


def _compound(inner: st.SearchStrategy[Depends]) -> st.SearchStrategy[Depends]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, several), st.builds(Or, several))


conditions: st.SearchStrategy[Depends] = st.recursive(leaves, _compound, max_leaves=12)

outcomes = st.fixed_dictionaries(
    {
        task: st.builds(
            Outcome,
            st.sampled_from([phase for phase in NodePhase if phase.fulfilled]),
            st.frozensets(st.sampled_from([NodePhase.ERROR, NodePhase.FAILED])),
            st.booleans(),
            st.booleans(),
            st.booleans(),
        )
        for task in TASKS
    }
)


def as_python(condition: Depends, facts: dict[str, Outcome]) -> str:
    """The oracle: the condition as Argo expands it, written in Python."""
    match condition:
        case Not(operand):
            return f"(not {as_python(operand, facts)})"
        case And(operands):
            return "(" + " and ".join(as_python(part, facts) for part in operands) + ")"
        case Or(operands):
            return "(" + " or ".join(as_python(part, facts) for part in operands) + ")"
        case TaskIs(task, None):
            words = ["Succeeded", "Skipped", "Daemoned"]
            words += ["Errored"] if NodePhase.ERROR in facts[task].tolerated else []
            words += ["Failed"] if NodePhase.FAILED in facts[task].tolerated else []
            return "(" + " or ".join(f"table[{task!r}][{word!r}]" for word in words) + ")"
        case TaskIs(task, result):
            return f"table[{task!r}][{str(result)!r}]"
    raise AssertionError(condition)


def table(facts: dict[str, Outcome]) -> dict[str, dict[str, bool]]:
    return {
        task: {
            "Succeeded": fact.phase == "Succeeded",
            "Failed": fact.phase == "Failed",
            "Errored": fact.phase == "Error",
            "Skipped": fact.phase == "Skipped",
            "Omitted": fact.phase == "Omitted",
            "Daemoned": fact.daemoned,
            "AnySucceeded": fact.any_succeeded,
            "AllFailed": fact.all_failed,
        }
        for task, fact in facts.items()
    }


@given(conditions)
def test_what_is_printed_reads_as_the_same_condition(condition: Depends) -> None:
    assert parse_depends(str(condition)) == condition


@given(conditions, outcomes)
def test_a_condition_holds_exactly_when_argos_expansion_of_it_does(
    condition: Depends, facts: dict[str, Outcome]
) -> None:
    expected = eval(as_python(condition, facts), {"table": table(facts)})
    assert holds(parse_depends(str(condition)), facts) is expected


@given(st.text(alphabet="ab-.&|!() SuccededFail", max_size=40))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    with suppress(ExpressionError):
        assert parse_depends(str(parse_depends(text))) == parse_depends(text)


@pytest.mark.parametrize(
    ("text", "succeeding"),
    [
        ("a && b || c", [{"c"}, {"a", "b"}, {"a", "c"}, {"b", "c"}, {"a", "b", "c"}]),
        ("a && (b || c)", [{"a", "b"}, {"a", "c"}, {"a", "b", "c"}]),
        ("!a && b", [{"b"}, {"b", "c"}]),
        ("!(a && b)", [set(), {"a"}, {"b"}, {"c"}, {"a", "c"}, {"b", "c"}]),
        ("a.Failed", [set(), {"b"}, {"c"}, {"b", "c"}]),
    ],
)
def test_not_binds_tighter_than_and_which_binds_tighter_than_or(
    text: str, succeeding: list[set[str]]
) -> None:
    condition = parse_depends(text)
    for chosen in itertools.chain.from_iterable(itertools.combinations("abc", n) for n in range(4)):
        facts = {task: Outcome(NodePhase.SUCCEEDED if task in chosen else NodePhase.FAILED) for task in "abc"}
        assert holds(condition, facts) is (set(chosen) in succeeding), (text, chosen)


def test_a_bare_name_counts_a_failure_only_if_the_task_itself_continues_on_it() -> None:
    condition = parse_depends("a")
    assert not holds(condition, {"a": Outcome(NodePhase.FAILED)})
    assert not holds(condition, {"a": Outcome(NodePhase.ERROR, frozenset({NodePhase.FAILED}))})
    assert holds(condition, {"a": Outcome(NodePhase.FAILED, frozenset({NodePhase.FAILED}))})
    assert not holds(condition, {"a": Outcome(NodePhase.OMITTED)})


def test_all_tasks_are_named_even_where_one_alone_would_decide() -> None:
    assert named_tasks(parse_depends("a || b-2.Failed || (c && !a)")) == ("a", "b-2", "c")


@pytest.mark.parametrize(
    "text",
    ["", "a &&", "a b", "(a", "a)", "a & b", "a.SUCCESS", "a.Succeeded.Failed", "a || || b", "a == b", "'a'"],
)
def test_what_argo_would_misread_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_depends(text)


def test_deep_nesting_is_refused_instead_of_overflowing_the_stack() -> None:
    with pytest.raises(ExpressionError, match="levels of nesting"):
        parse_depends("(" * 100_000 + "a" + ")" * 100_000)
