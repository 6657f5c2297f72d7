"""What people see: columns that stand, long texts that wrap, and nothing foreign that acts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from crossover.cli.flags.change_view import changed_places, moved
from crossover.cli.flags.flag_view import names
from crossover.cli.flags.screen import Cell, Screen, Tone, wrapped

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def screen(*, color: bool = False, width: int = 80) -> Screen:
    return Screen(color=color, now=NOW, width=width)


def test_columns_stand_under_each_other_in_colour_and_without() -> None:
    rows = [(Cell("a", Tone.GOOD), Cell("first")), (Cell("longer"), Cell("second"))]
    assert list(screen().rows(rows)) == ["a       first", "longer  second"]
    coloured = list(screen(color=True).rows(rows))
    assert coloured == ["\x1b[32ma\x1b[0m       first", "longer  second"]


def test_a_long_last_column_goes_on_under_its_own_beginning() -> None:
    lines = list(screen(width=60).rows([(Cell("why"), Cell("word " * 20))]))
    assert len(lines) > 1
    assert all(len(line) <= 60 for line in lines)
    assert all(line.startswith("     word") for line in lines[1:])


def test_a_word_that_is_too_long_stays_whole() -> None:
    assert wrapped("a " + "x" * 30, 10) == ["a", "x" * 30]


def test_foreign_text_cannot_act_on_the_terminal() -> None:
    lines = list(screen().rows([(Cell("who\x1b]0;x\x07"), Cell("why\r\n\x1b[2Jgone"))]))
    assert all(line.isprintable() for line in lines)


def test_ages_are_told_for_people() -> None:
    assert screen().ago((NOW - timedelta(minutes=3, seconds=20)).isoformat()) == "3m20s ago"
    assert screen().ago((NOW + timedelta(seconds=2)).isoformat()) == "just now"
    assert screen().ago("not a time") == ""


def test_tenants_that_go_the_same_way_share_a_line() -> None:
    effects = [
        {"tenant": f"t{number}", "flag": "x", "before": "legacy", "after": "crossover", "where": {}}
        for number in range(100)
    ]
    head, line = moved(screen(width=200), effects, would=False)
    assert head == "100 known tenants go another way:"
    assert line.endswith(names([f"t{number}" for number in range(100)]))
    assert line.endswith("and 92 more")


def test_an_effect_says_where_it_holds() -> None:
    where = {"app": {"in": ["billing", "sales"]}, "connector": {"not_in": ["hive"]}}
    effect = {"tenant": "acme", "flag": "x", "before": "legacy", "after": "shadow", "where": where}
    _, line = moved(screen(width=200), [effect], would=True)
    assert line.endswith("acme where app is billing or sales, connector is not hive")


def test_what_changed_is_told_with_its_place() -> None:
    old = {"document": {"flags": {"x": {"rollout": [{"crossover": 5}], "deny": [{"tenants": ["acme"]}]}}}}
    new = {"document": {"flags": {"x": {"rollout": [{"crossover": 25}], "kill": True}}}}
    assert list(changed_places(screen(), old, new)) == [
        "- flags.x.rollout[0].crossover: 5",
        "+ flags.x.rollout[0].crossover: 25",
        '- flags.x.deny[0].tenants: ["acme"]',
        "+ flags.x.kill: true",
    ]
