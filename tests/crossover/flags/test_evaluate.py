"""Which rule decides, in which order, and that tenants stay where they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.flags.evaluate import Evaluator
from crossover.flags.model import Context, Document, Flag, Reason, Split, Variant, When
from tests.crossover.flags.documents import FLAG, contexts, documents, percentages, tenants

ORDER = [Variant.LEGACY, Variant.SHADOW, Variant.CROSSOVER]
ACME = Context(tenant="acme", app="billing")


def document(**flag: object) -> Document:
    return Document.model_validate({"schema": 1, "flags": {FLAG: flag}})


FULL: dict[str, object] = {
    "kill": True,
    "deny": [{"tenants": ["acme"]}],
    "allow": [{"tenants": ["acme"], "variant": "shadow"}],
    "rollout": [{"crossover": 100}],
}
DECIDES = [
    ("kill", Variant.LEGACY, Reason.DISABLED, f"flags.{FLAG}.kill"),
    ("deny", Variant.LEGACY, Reason.TARGETING_MATCH, f"flags.{FLAG}.deny[0]"),
    ("allow", Variant.SHADOW, Reason.TARGETING_MATCH, f"flags.{FLAG}.allow[0]"),
    ("rollout", Variant.CROSSOVER, Reason.SPLIT, f"flags.{FLAG}.rollout[0]"),
    ("", Variant.LEGACY, Reason.DEFAULT, "default"),
]


@pytest.mark.parametrize("at", range(5))
def test_rules_are_asked_in_the_order_kill_deny_allow_rollout_default(at: int) -> None:
    left = {key for key, *_ in DECIDES[at:]}
    found = Evaluator(7, document(**{key: FULL[key] for key in FULL if key in left})).evaluate(FLAG, ACME)
    assert (found.variant, found.reason, found.rule) == DECIDES[at][1:]
    assert found.config_version == 7


def test_the_switch_of_all_flags_comes_before_everything() -> None:
    killed = document(**FULL).model_copy(update={"kill": True})
    found = Evaluator(1, killed).evaluate(FLAG, ACME)
    assert (found.variant, found.reason, found.rule) == (Variant.LEGACY, Reason.DISABLED, "kill")


def test_a_flag_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Evaluator(1, document()).evaluate("enable_other", ACME)
    with pytest.raises(KeyError):
        Evaluator(1, document()).explain("enable_other", ACME)


def test_the_first_split_whose_condition_holds_decides_even_against_a_tenant() -> None:
    flag = document(rollout=[{"when": {"app": ["billing"]}}, {"crossover": 100}])
    found = Evaluator(1, flag).evaluate(FLAG, ACME)
    assert (found.variant, found.reason, found.rule) == (
        Variant.LEGACY,
        Reason.SPLIT,
        f"flags.{FLAG}.rollout[0]",
    )
    other = Evaluator(1, flag).evaluate(FLAG, Context(tenant="acme", app="sales"))
    assert (other.variant, other.rule) == (Variant.CROSSOVER, f"flags.{FLAG}.rollout[1]")


@pytest.mark.parametrize("key", ["app", "connector", "environment"])
def test_a_condition_takes_the_words_it_names_and_no_value_is_none_of_them(key: str) -> None:
    evaluator = Evaluator(1, document(allow=[{"tenants": ["acme"], "when": {key: ["one", "two"]}}]))
    asked: list[dict[str, str | None]] = [{key: "one"}, {key: "two"}, {key: "three"}, {key: None}]
    found = [
        evaluator.evaluate(FLAG, Context.model_validate({"tenant": "acme", **words})).value for words in asked
    ]
    assert found == [True, True, False, False]


@given(documents(), contexts)
def test_the_explanation_has_one_rule_applied_and_it_is_the_one_that_decided(
    given_document: Document, context: Context
) -> None:
    evaluator = Evaluator(3, given_document)
    for name, flag in given_document.flags.items():
        steps = evaluator.explain(name, context)
        assert [step.rule for step in steps if step.applied] == [evaluator.evaluate(name, context).rule]
        assert len(steps) == 3 + len(flag.deny) + len(flag.allow) + len(flag.rollout)
        assert all(step.why for step in steps)


def test_an_explanation_reads_as_sentences() -> None:
    flag = document(
        deny=[{"tenants": ["beta"]}], allow=[{"tenants": ["acme"], "when": {"app": ["a", "b"]}}], rollout=[{}]
    )
    assert [step.why for step in Evaluator(1, flag).explain(FLAG, ACME)] == [
        "the kill switch is off",
        "the kill switch is off",
        "tenant acme is not named",
        "app is billing, not a or b",
        "tenant acme is in bucket 4017; crossover below 0, shadow below 0: legacy",
        f"not asked: flags.{FLAG}.rollout[0] decides",
    ]


@given(documents(), contexts)
def test_a_tenant_stays_where_it_is(given_document: Document, context: Context) -> None:
    once, again = (Evaluator(number, given_document).evaluate(FLAG, context) for number in (1, 2))
    assert (once.variant, once.rule, once.bucket) == (again.variant, again.rule, again.bucket)


@given(
    tenants, percentages, percentages, percentages, percentages, st.none() | st.text(min_size=1, max_size=9)
)
def test_raising_a_percentage_never_moves_a_tenant_back(
    tenant: str, crossover: float, shadow: float, more: float, more_shadow: float, salt: str | None
) -> None:
    def variant(crossover: float, shadow: float) -> int:
        split = Split(crossover=crossover, shadow=min(shadow, round(100 - crossover, 3)))
        flag = Document(flags={FLAG: Flag(rollout=(split,), salt=salt)})
        return ORDER.index(Evaluator(1, flag).evaluate(FLAG, Context(tenant=tenant)).variant)

    low, high = sorted((crossover, more))
    few, many = sorted((shadow, more_shadow))
    assert variant(low, few) <= variant(high, few)
    assert variant(low, few) <= variant(low, many)
    assert variant(low, few) <= variant(high, many)


@given(tenants, percentages, percentages)
def test_splits_of_one_flag_take_the_same_tenants_first(tenant: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    flag = Flag(rollout=(Split(crossover=low, when=When(app=("a",))), Split(crossover=high)))
    evaluator = Evaluator(1, Document(flags={FLAG: flag}))
    narrow = evaluator.evaluate(FLAG, Context(tenant=tenant, app="a"))
    wide = evaluator.evaluate(FLAG, Context(tenant=tenant))
    assert wide.value or not narrow.value
