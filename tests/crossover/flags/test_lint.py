"""No rule is hidden silently: what can never decide is named, and what is not named can."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from crossover.flags.evaluate import Evaluator
from crossover.flags.lint import shadowed
from crossover.flags.model import Document
from tests.crossover.flags.documents import OTHER_TENANT, TENANTS, all_contexts, documents

NAMED = re.compile(r"^flags\.(\w+)\.(\w+\[\d+\]) can never decide(?: for (.+?))?: (.+) decides? first$")


def lint(**flag: object) -> list[str]:
    return shadowed(Document.model_validate({"schema": 1, "flags": {"f": flag}}))


def test_rules_that_leave_each_other_room_are_not_named() -> None:
    assert not lint(
        deny=[{"tenants": ["acme"], "when": {"app": ["billing"]}}],
        allow=[{"tenants": ["acme"]}, {"tenants": ["beta"], "variant": "shadow"}],
        rollout=[{"when": {"connector": ["hive"]}}, {"crossover": 5}],
    )


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        (
            {"rollout": [{"crossover": 5}, {"crossover": 50, "when": {"app": ["billing"]}}]},
            "flags.f.rollout[1] can never decide: flags.f.rollout[0] decides first",
        ),
        (
            {"deny": [{"tenants": ["acme"]}], "allow": [{"tenants": ["acme"]}]},
            "flags.f.allow[0] can never decide: flags.f.deny[0] decides first",
        ),
        (
            {"deny": [{"tenants": ["acme"]}], "allow": [{"tenants": ["acme", "beta"]}]},
            "flags.f.allow[0] can never decide for tenant acme: flags.f.deny[0] decides first",
        ),
        (
            {"rollout": [{"when": {"app": ["a"]}}, {"when": {"app": ["a", "b"]}}]},
            "flags.f.rollout[1] can never decide for app a: flags.f.rollout[0] decides first",
        ),
        (
            {
                "rollout": [
                    {"when": {"app": ["a"]}},
                    {"when": {"app": ["b"]}},
                    {"when": {"app": ["a", "b"], "connector": ["hive"]}},
                ]
            },
            "flags.f.rollout[2] can never decide: flags.f.rollout[0] and flags.f.rollout[1] decide first",
        ),
        (
            {
                "deny": [{"tenants": ["a", "b"], "when": {"app": ["a"]}}],
                "allow": [{"tenants": ["a", "b", "c"], "when": {"app": ["a", "b"]}}],
            },
            "flags.f.allow[0] can never decide for tenants a, b with app a: flags.f.deny[0] decides first",
        ),
    ],
)
def test_what_can_never_decide_is_named_with_what_decides_first(
    flag: dict[str, object], sentence: str
) -> None:
    assert lint(**flag) == [sentence]


def test_kill_switches_hide_nothing() -> None:
    assert not lint(kill=True, allow=[{"tenants": ["acme"]}])


@settings(deadline=None)
@given(documents(killed=False))
def test_every_rule_tenant_and_word_is_either_reached_or_named(document: Document) -> None:
    for name in document.flags:
        assert _unreached(document, name) == _named(document, name)


def _parts(document: Document, name: str) -> dict[str, set[tuple[str | None, str, str]]]:
    """What each rule is made of: (tenant, dimension, word); tenant None for splits, "" for no dimension."""
    flag = document.flags[name]
    rules = {f"deny[{at}]": (rule.tenants, rule.when) for at, rule in enumerate(flag.deny)}
    rules |= {f"allow[{at}]": (rule.tenants, rule.when) for at, rule in enumerate(flag.allow)}
    made: dict[str, set[tuple[str | None, str, str]]] = {}
    for place, (tenants, when) in rules.items():
        words = [("", ""), *((key, word) for key, some in when for word in some)]
        made[place] = {(tenant, key, word) for tenant in tenants for key, word in words}
    for at, split in enumerate(flag.rollout):
        words = [("", ""), *((key, word) for key, some in split.when for word in some)]
        made[f"rollout[{at}]"] = {(None, key, word) for key, word in words}
    return made


def _unreached(document: Document, name: str) -> set[tuple[str, str | None, str, str]]:
    """By trying every context: the parts that no context reaches."""
    evaluator = Evaluator(1, document)
    parts = _parts(document, name)
    missing = {(place, *part) for place, some in parts.items() for part in some}
    for tenant in (*TENANTS, OTHER_TENANT):
        for context in all_contexts(tenant):
            place = evaluator.evaluate(name, context).rule.removeprefix(f"flags.{name}.")
            who = None if place.startswith("rollout") else tenant
            missing.discard((place, who, "", ""))
            for key in ("app", "connector", "environment"):
                missing.discard((place, who, key, getattr(context, key) or ""))
    return missing


def _named(document: Document, name: str) -> set[tuple[str, str | None, str, str]]:
    """The parts that the sentences name."""
    parts = _parts(document, name)
    named = set()
    for sentence in shadowed(document):
        match = NAMED.match(sentence)
        assert match, sentence
        flag, place, limits, takers = match.groups()
        assert all(taker.startswith(f"flags.{flag}.") for taker in takers.split(" and "))
        if flag != name:
            continue
        tenants = re.search(r"tenants? ([^ ,]+(?:, [^ ,]+)*)", limits or "")
        who = set(tenants[1].split(", ")) if tenants else None
        word = re.search(r"(app|connector|environment) (\S+)$", limits or "")
        for part in parts[place]:
            if (who is None or part[0] in who) and (word is None or part[1:] == word.groups()):
                named.add((place, *part))
    return named
