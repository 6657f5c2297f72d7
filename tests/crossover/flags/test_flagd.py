"""What flagd is told means the same there, and what cannot be told is refused, naming the place."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

from crossover.flags.evaluate import Evaluator
from crossover.flags.flagd import from_flagd, to_flagd
from crossover.flags.model import Allow, Context, Document, Flag, Plan, PlanStep, Split, Variant, When
from tests.crossover.flags.documents import FLAG, contexts, documents

ASKED = {"var": "targetingKey"}
DEALT = {"cat": [{"var": "$flagd.flagKey"}, ASKED]}


def public(definition: dict[str, Any]) -> FlagdCore:
    """The public evaluator, given the definition as it would be sent."""
    core = FlagdCore()
    core.set_flags(json.dumps(definition))
    return core


def same_answer(core: FlagdCore, evaluator: Evaluator, name: str, context: Context) -> bool:
    words = {key: word for key, word in context.model_dump(exclude={"tenant"}).items() if word is not None}
    theirs = core.resolve_boolean_value(name, True, EvaluationContext(context.tenant, words))
    ours = evaluator.evaluate(name, context)
    return (theirs.value, theirs.variant) == (ours.value, ours.variant.value)


@settings(max_examples=400, deadline=None)
@given(documents(), st.lists(contexts, min_size=10, max_size=10))
def test_the_public_evaluator_gives_the_same_answers(document: Document, asked: list[Context]) -> None:
    core, evaluator = public(to_flagd(document)), Evaluator(1, document)
    for name in document.flags:
        assert all(same_answer(core, evaluator, name, context) for context in asked)


@pytest.mark.parametrize("salt", [None, "again"])
def test_the_public_evaluator_deals_5000_tenants_alike(salt: str | None) -> None:
    document = Document(flags={FLAG: Flag(rollout=(Split(crossover=33.333, shadow=12.5),), salt=salt)})
    core, evaluator = public(to_flagd(document)), Evaluator(1, document)
    assert all(
        same_answer(core, evaluator, FLAG, Context(tenant=f"tenant-{number}")) for number in range(5000)
    )


@given(documents())
def test_what_is_exported_can_be_read_again_as_it_was(document: Document) -> None:
    assert from_flagd(json.loads(json.dumps(to_flagd(document)))) == document


def test_a_plan_is_exported_as_the_percentages_in_force() -> None:
    planned = Split(crossover=5, plan=Plan(steps=(PlanStep(crossover=5),)))
    document = Document(flags={FLAG: Flag(rollout=(planned,))})
    assert from_flagd(to_flagd(document)).flags[FLAG].rollout == (Split(crossover=5),)


def test_more_turns_than_flagd_can_nest_are_refused() -> None:
    turns = tuple(
        Allow(tenants=("acme",), variant=variant)
        for _ in range(150)
        for variant in (Variant.SHADOW, Variant.CROSSOVER)
    )
    with pytest.raises(ValueError, match=f"flags.{FLAG}: flagd cannot nest 301 conditions"):
        to_flagd(Document(flags={FLAG: Flag(allow=turns)}))


def written(targeting: Any = None, **parts: Any) -> dict[str, Any]:
    """A definition as a person would write it."""
    flag = {
        "state": "ENABLED",
        "variants": {"crossover": True, "shadow": False, "legacy": False},
        "defaultVariant": "legacy",
        "targeting": {} if targeting is None else targeting,
    }
    return {"flags": {FLAG: {**flag, **parts}}}


BY_HAND = [
    written(),
    written({"fractional": [DEALT, ["crossover", 25], ["legacy", 75]]}),
    written({"fractional": [DEALT, ["crossover"], ["legacy"]]}),
    written({"if": [{"in": [ASKED, ["acme", "beta"]]}, "crossover"]}),
    written(
        {"if": [{"==": [ASKED, "acme"]}, "crossover", {"==": [{"var": "app"}, "1"]}, "shadow", "legacy"]}
    ),
    written({"if": [{"==": [{"var": "app"}, "billing"]}, "legacy", "crossover"]}),
    written({"if": [{"==": [{"var": "app"}, "billing"]}, "legacy"]}, defaultVariant="crossover"),
    written(defaultVariant="shadow"),
    written({"if": [True, "legacy", "crossover"]}),
    {
        **written(
            {"if": [{"$ref": "kill"}, "legacy", {"fractional": [{"cat": ["s", ASKED]}, ["crossover", 7]]}]}
        ),
        "$evaluators": {"kill": {"!!": [False]}},
    },
]


@pytest.mark.parametrize("definition", BY_HAND)
@settings(max_examples=40, deadline=None)
@given(asked=st.lists(contexts, min_size=5, max_size=5))
def test_definitions_written_by_hand_answer_alike_here(
    definition: dict[str, Any], asked: list[Context]
) -> None:
    core, evaluator = public(definition), Evaluator(1, from_flagd(copy.deepcopy(definition)))
    assert all(same_answer(core, evaluator, FLAG, context) for context in asked)


IN_ACME = {"in": [ASKED, ["acme"]]}
APP = {"==": [{"var": "app"}, "billing"]}
HALF = [["crossover", 1], ["legacy", 1]]
REFUSED = [
    ([], "the definition"),
    ({"flags": []}, "flags"),
    ({"flags": {}, "metadata": {"owner": "x"}}, "metadata"),
    ({"flags": {}, "selectors": {}}, "the definition.selectors"),
    ({"flags": {}, "$evaluators": {"other": {}}}, "$evaluators.other"),
    ({"flags": {}, "$evaluators": {"kill": {"==": [1, 1]}}}, "$evaluators.kill"),
    ({**written({"if": [APP, "crossover"]}), "$evaluators": {"kill": {"!!": [True]}}}, "targeting"),
    (written({"if": [{"$ref": "kill"}, "legacy", "crossover"]}), "targeting.if[0]"),
    (written(state="DISABLED"), "state"),
    (written(variants={"on": True, "off": False}), "variants.on"),
    (written(variants={"crossover": False, "legacy": False}), "variants.crossover"),
    (written(variants={"crossover": 1, "legacy": False}), "variants.crossover"),
    (written({"if": [APP, "shadow"]}, variants={"crossover": True, "legacy": False}), "variants"),
    (written(defaultVariant=None), "defaultVariant"),
    (written(defaultVariant="on"), "defaultVariant"),
    (written(metadata={"owner": "x"}), "metadata.owner"),
    (written(metadata={"salt": ["x"]}), "salt"),
    (written("crossover"), "targeting"),
    (written({"if": []}), "targeting.if"),
    (written({"if": [APP, None, "crossover"]}), "targeting.if[0]"),
    (written({"if": [APP, {"if": [IN_ACME, "crossover"]}]}), "targeting.if[0]"),
    (written({"if": [{"!": [APP]}, "crossover"]}), "targeting.if[0]"),
    (written({"if": [{"or": []}, "crossover"]}), "targeting.if[0]"),
    (written({"if": [{"and": [APP, {"or": [APP]}]}, "crossover"]}), "targeting.if[0]"),
    (written({"if": [{"and": [APP, APP]}, "crossover"]}), "targeting.if[0]"),
    (written({"if": [{"in": [ASKED, []]}, "crossover"]}), "targeting.if[0]"),
    (written({"if": [{"in": [ASKED, "acme"]}, "crossover"]}), "targeting.if[0]"),
    (written({"if": [{"in": ["acme", ASKED]}, "crossover"]}), "targeting.if[0]"),
    (written({"if": [{"in": [{"var": "email"}, ["a"]]}, "crossover"]}), "targeting.if[0]"),
    (written({"if": [{"in": [{"var": "app"}, [1]]}, "crossover"]}), "targeting.if[0]"),
    (written({"if": [{"in": [ASKED, ["Acme"]]}, "crossover"]}), "allow[0].tenants[0]"),
    (written({"if": [IN_ACME, {"fractional": [DEALT, *HALF]}]}), "targeting.if[0]"),
    (written({"if": [APP, "shadow", {"if": [IN_ACME, "crossover"]}]}), "targeting.if[2].if[0]"),
    (written({"if": [IN_ACME, "shadow", IN_ACME, "legacy"]}), "targeting.if[2]"),
    (written({"fractional": HALF}), "targeting"),
    (written({"fractional": [ASKED, *HALF]}), "targeting"),
    (written({"fractional": [{"cat": [ASKED, {"var": "$flagd.flagKey"}]}, *HALF]}), "targeting"),
    (written({"fractional": [DEALT, ["legacy", 1], ["crossover", 1]]}), "targeting"),
    (written({"fractional": [DEALT, ["crossover", 1], ["legacy", 2]]}), "targeting"),
    (written({"fractional": [DEALT, ["crossover", 0]]}), "targeting"),
    (written({"fractional": [DEALT, ["crossover", 2**31]]}), "targeting"),
    (written({"fractional": [DEALT, ["crossover", -1], ["legacy", 2]]}), "targeting"),
    (written({"fractional": [DEALT, ["crossover", 0.5], ["legacy", 0.5]]}), "targeting"),
    (written({"fractional": [DEALT, ["crossover", True]]}), "targeting"),
    (written({"fractional": [DEALT, ["on", 1]]}), "targeting"),
    (
        written(
            {"if": [APP, {"fractional": [DEALT, *HALF]}, {"fractional": [{"cat": ["s", ASKED]}, *HALF]}]}
        ),
        f"flags.{FLAG}:",
    ),
]


@pytest.mark.parametrize(("definition", "place"), REFUSED)
def test_what_has_no_equal_here_is_refused_naming_the_place(definition: Any, place: str) -> None:
    with pytest.raises(ValueError) as refused:
        from_flagd(definition)
    told = str(refused.value)
    assert place in told.partition(": ")[0] + ":"
    assert type(refused.value) is ValueError


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(("crossover", "legacy", "acme", "app")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("if", "in", "==", "and", "var", "cat", "fractional")), inner)
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_targeting_is_read_as_it_answers_or_refused_with_a_sentence(targeting: Any) -> None:
    told, read = attempt(written(targeting))
    assert (read is None) == (": " in told)
    if read is not None:
        core, evaluator = public(written(targeting)), Evaluator(1, read)
        assert same_answer(core, evaluator, FLAG, Context(tenant="acme", app="app"))
        assert same_answer(core, evaluator, FLAG, Context(tenant="beta"))


def attempt(definition: Any) -> tuple[str, Document | None]:
    """What it was refused with, or what was read."""
    try:
        return "", from_flagd(definition)
    except ValueError as refused:
        return str(refused), None


def test_the_deepest_that_is_exported_is_still_answered() -> None:
    splits = tuple(Split(when=When(app=(f"app-{number}",))) for number in range(99))
    turns = tuple(
        Allow(tenants=("acme",), variant=variant, when=When(connector=("none",)))
        for variant in (Variant.SHADOW, Variant.CROSSOVER) * 49
    )
    flag = Flag(kill=False, allow=turns, rollout=(*splits, Split(crossover=100)))
    document = Document(flags={FLAG: flag})
    assert same_answer(public(to_flagd(document)), Evaluator(1, document), FLAG, Context(tenant="acme"))
