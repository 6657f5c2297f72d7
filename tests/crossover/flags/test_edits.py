"""Edits do what their name says, to whom it says, and to no one else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.flags import edits
from crossover.flags.evaluate import Evaluator
from crossover.flags.model import Context, Document, Flag, Plan, PlanStep, Reason, Split, Variant, When
from crossover.flags.region import Region
from crossover.flags.rules import naming
from tests.crossover.flags.documents import FLAG, contexts, documents, percentages, tenants, whens

EMPTY = Document(flags={FLAG: Flag()})
moves = st.sampled_from((Variant.SHADOW, Variant.CROSSOVER))


def takes(when: When, context: Context) -> bool:
    asked = (context.app, context.connector, context.environment)
    return all(word in words for words, word in zip(Region.of(when), asked, strict=True))


def named(flag: Flag) -> set[str]:
    return {tenant for _, rule, _ in naming(flag) for tenant in rule.tenants}


@given(documents(killed=False), tenants, moves, whens, contexts)
def test_an_allowed_tenant_gets_the_variant_unless_denied_and_all_else_stays(
    document: Document, tenant: str, variant: Variant, when: When, context: Context
) -> None:
    before = Evaluator(1, document).evaluate(FLAG, context)
    after = Evaluator(1, edits.allow(document, FLAG, tenant, variant, when)).evaluate(FLAG, context)
    meant = context.tenant == tenant and takes(when, context) and ".deny" not in before.rule
    assert after.variant is (variant if meant else before.variant)


@given(documents(killed=False), tenants, whens, contexts)
def test_a_denied_tenant_is_legacy_and_all_else_stays(
    document: Document, tenant: str, when: When, context: Context
) -> None:
    before = Evaluator(1, document).evaluate(FLAG, context)
    after = Evaluator(1, edits.deny(document, FLAG, tenant, when)).evaluate(FLAG, context)
    meant = context.tenant == tenant and takes(when, context)
    assert after.variant is (Variant.LEGACY if meant else before.variant)


@given(documents(killed=False), tenants, moves, whens)
def test_saying_it_twice_changes_nothing_more(
    document: Document, tenant: str, variant: Variant, when: When
) -> None:
    allowed = edits.allow(document, FLAG, tenant, variant, when)
    assert edits.allow(allowed, FLAG, tenant, variant, when) == allowed
    denied = edits.deny(document, FLAG, tenant, when)
    assert len(edits.deny(denied, FLAG, tenant, when).flags[FLAG].deny) == len(denied.flags[FLAG].deny)
    cleared = edits.clear(document, FLAG, tenant)
    assert edits.clear(cleared, FLAG, tenant) == cleared


@given(documents(), tenants)
def test_a_cleared_tenant_is_named_nowhere(document: Document, tenant: str) -> None:
    before, after = (named(some.flags[FLAG]) for some in (document, edits.clear(document, FLAG, tenant)))
    assert after == before - {tenant}


@given(documents(), percentages, whens, contexts)
def test_a_rollout_changes_only_its_own_contexts(
    document: Document, crossover: float, when: When, context: Context
) -> None:
    after = edits.rollout(document, FLAG, crossover, when=when)
    splits = [split for split in after.flags[FLAG].rollout if Region.of(split.when) == Region.of(when)]
    assert splits[0] == Split(crossover=crossover, when=when)
    if not takes(when, context):
        was = Evaluator(1, document).evaluate(FLAG, context)
        assert Evaluator(1, after).evaluate(FLAG, context).variant is was.variant


def test_a_new_split_goes_before_the_one_that_would_hide_it() -> None:
    wide = edits.rollout(EMPTY, FLAG, 5)
    narrow = edits.rollout(wide, FLAG, 50, 10, When(app=("billing",)))
    assert [split.crossover for split in narrow.flags[FLAG].rollout] == [50, 5]


def test_setting_percentages_by_hand_ends_the_plan_of_that_split() -> None:
    planned = Split(crossover=5, plan=Plan(steps=(PlanStep(crossover=5),)))
    other = Split(crossover=1, when=When(app=("a",)), plan=planned.plan)
    document = Document(flags={FLAG: Flag(rollout=(other, planned))})
    assert edits.rollout(document, FLAG, 7).flags[FLAG].rollout == (other, Split(crossover=7))


@given(documents(), contexts)
def test_killing_is_legacy_for_everyone_and_reviving_takes_it_back(
    document: Document, context: Context
) -> None:
    for flag in (None, FLAG):
        killed = Evaluator(1, edits.kill(document, flag, True)).evaluate(FLAG, context)
        assert (killed.variant, killed.reason) == (Variant.LEGACY, Reason.DISABLED)
        revived = edits.kill(edits.kill(document, flag, True), flag, False)
        assert edits.kill(document, flag, False) == revived


def test_killing_one_flag_leaves_the_others() -> None:
    two = edits.set_flag(EMPTY, "other", Flag(rollout=(Split(crossover=100),)))
    killed = Evaluator(1, edits.kill(two, FLAG, True))
    assert killed.evaluate("other", Context(tenant="acme")).value


def test_flags_are_created_replaced_and_removed() -> None:
    other = Flag(description="another")
    two = edits.set_flag(EMPTY, "other", other)
    assert dict(two.flags) == {FLAG: Flag(), "other": other}
    assert edits.set_flag(two, "other", Flag()).flags["other"] == Flag()
    assert edits.remove_flag(two, "other") == EMPTY


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: edits.kill(document, "missing", True),
        lambda document: edits.allow(document, "missing", "acme"),
        lambda document: edits.deny(document, "missing", "acme"),
        lambda document: edits.clear(document, "missing", "acme"),
        lambda document: edits.rollout(document, "missing", 5),
        lambda document: edits.remove_flag(document, "missing"),
    ],
)
def test_only_set_flag_creates_a_flag(edit: Callable[[Document], Document]) -> None:
    with pytest.raises(ValueError, match=r"^there is no flag missing: create it first$"):
        edit(EMPTY)


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda document: edits.allow(document, FLAG, "Acme"), r"tenants\[0\]: .* lower-case"),
        (lambda document: edits.allow(document, FLAG, "acme", Variant.LEGACY), "variant: "),
        (lambda document: edits.rollout(document, FLAG, 101), "crossover: "),
        (lambda document: edits.rollout(document, FLAG, 60, 60), "more than 100 percent together"),
        (lambda document: edits.set_flag(document, "Not-A-Name", Flag()), "flags.Not-A-Name"),
    ],
)
def test_what_the_model_refuses_is_a_sentence_that_names_the_place(
    edit: Callable[[Document], Document], place: str
) -> None:
    with pytest.raises(ValueError, match=place):
        edit(EMPTY)
