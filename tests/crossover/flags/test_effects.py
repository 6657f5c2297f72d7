"""A dry run says exactly who goes another way, and where."""

from __future__ import annotations

from hypothesis import given, settings

from crossover.flags.effects import Effect, effects
from crossover.flags.evaluate import Evaluator
from crossover.flags.model import Context, Document, Variant
from crossover.flags.region import EVERYWHERE, Region
from tests.crossover.flags.documents import FLAG, OTHER_TENANT, TENANTS, all_contexts, documents

ALL = (*TENANTS, OTHER_TENANT)


def document(**flag: object) -> Document:
    return Document.model_validate({"schema": 1, "flags": {FLAG: flag}})


def test_a_change_that_moves_no_one_has_no_effects() -> None:
    before = document(allow=[{"tenants": ["acme"]}])
    after = document(description="said", allow=[{"tenants": ["acme"]}], deny=[{"tenants": ["zeta9"]}])
    assert effects(before, after, ALL) == []


def test_an_allowed_tenant_goes_everywhere() -> None:
    (effect,) = effects(None, document(allow=[{"tenants": ["acme"]}]), ALL)
    assert effect == Effect("acme", FLAG, Variant.LEGACY, Variant.CROSSOVER, EVERYWHERE)
    assert str(effect) == f"acme: {FLAG} goes from legacy to crossover"
    assert effect.to_json()["where"] == {}


def test_an_effect_names_the_conditions_it_has() -> None:
    before = document(allow=[{"tenants": ["acme"], "when": {"app": ["a", "b"]}}])
    after = document(allow=[{"tenants": ["acme"]}], deny=[{"tenants": ["acme"], "when": {"app": ["b"]}}])
    found = effects(before, after, ALL)
    assert sorted(map(str, found)) == [
        f"acme: {FLAG} goes from crossover to legacy where app is b",
        f"acme: {FLAG} goes from legacy to crossover where app is not a or b",
    ]
    assert {"app": {"not_in": ["a", "b"]}} in [effect.to_json()["where"] for effect in found]


def test_killing_all_flags_moves_whoever_was_not_legacy() -> None:
    before = document(allow=[{"tenants": ["acme"], "variant": "shadow"}])
    found = effects(before, before.model_copy(update={"kill": True}), ALL)
    assert [(effect.tenant, effect.before, effect.after) for effect in found] == [
        ("acme", Variant.SHADOW, Variant.LEGACY)
    ]


@settings(deadline=None)
@given(documents(), documents())
def test_effects_are_what_evaluating_both_documents_shows(before: Document, after: Document) -> None:
    found = effects(before, after, ALL)
    for name in {**before.flags, **after.flags}:
        for context in (context for tenant in ALL for context in all_contexts(tenant)):
            told = [
                (effect.before, effect.after)
                for effect in found
                if effect.flag == name and effect.tenant == context.tenant and _takes(effect.where, context)
            ]
            was, is_ = _variant(before, name, context), _variant(after, name, context)
            assert told == ([] if was is is_ else [(was, is_)])


def _variant(document: Document, name: str, context: Context) -> Variant:
    if name not in document.flags:
        return Variant.LEGACY
    return Evaluator(1, document).evaluate(name, context).variant


def _takes(where: Region, context: Context) -> bool:
    asked = (context.app, context.connector, context.environment)
    return all(word in words for words, word in zip(where, asked, strict=True))
