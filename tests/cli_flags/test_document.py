"""Documents from files: nothing in them is lost without a word, and plans go on where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crossover.cli.flags.document import read, read_flag, with_progress
from crossover.cli.flags.session import Stop


def written(tmp_path: Path, text: str, suffix: str = ".yaml") -> Path:
    path = tmp_path / f"flags{suffix}"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("schema: 1\nflags:\n  x:\n    rollout: [{crossover: 5}]\n", ".yaml"),
        ('{"schema": 1, "flags": {"x": {"rollout": [{"crossover": 5}]}}}', ".json"),
        ('{"flags":\n\t{"x": {"rollout": [{"crossover": 5}]}}}', ""),
    ],
)
def test_yaml_and_json_say_the_same(tmp_path: Path, text: str, suffix: str) -> None:
    assert read(written(tmp_path, text, suffix)) == {"flags": {"x": {"rollout": [{"crossover": 5.0}]}}}


@pytest.mark.parametrize(
    ("text", "suffix", "says"),
    [
        ("flags:\n  x: {}\n  x: {kill: true}\n", ".yaml", "line 3: the key 'x' appears twice"),
        ('{"kill": true, "kill": false}', ".json", "the key 'kill' appears twice"),
        ("flags: {x: &one {kill: true}, y: *one}", ".yaml", "alias"),
        ("flags:\n  x: {\n", ".yaml", "line 3"),
        ('{"flags": ', ".json", "line 1"),
        ("flags: {x: {percentage: 5}}", ".yaml", "flags.x.percentage"),
        ("flags: {x: {rollout: [{crossover: 101}]}}", ".yaml", r"flags.x.rollout\[0\].crossover"),
        (" \n", ".yaml", "is empty"),
        ("- just\n- a list\n", ".yaml", "the document"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, suffix: str, says: str) -> None:
    with pytest.raises(Stop, match=says):
        read(written(tmp_path, text, suffix))


def test_a_flag_of_its_own_is_checked_in_the_same_way(tmp_path: Path) -> None:
    assert read_flag(written(tmp_path, "kill: true"), "x") == {"kill": True}
    with pytest.raises(Stop, match=r"flags\.x\.kill"):
        read_flag(written(tmp_path, "kill: perhaps"), "x")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"nothing\.yaml cannot be read"):
        read(tmp_path / "nothing.yaml")


STEPS = [{"crossover": 5.0}, {"crossover": 50.0}]
SINCE = "2026-01-31T12:00:00Z"


def document(**split: Any) -> dict[str, Any]:
    return {"flags": {"x": {"rollout": [split]}}}


def test_a_plan_that_is_wanted_again_goes_on_where_it_stands() -> None:
    current = document(crossover=50.0, plan={"steps": STEPS, "step": 1, "since": SINCE})
    assert with_progress(document(plan={"steps": STEPS}), current) == current


def test_a_halted_plan_is_not_begun_again_by_the_next_run_of_a_pipeline() -> None:
    current = document(plan={"steps": STEPS, "status": "halted", "note": "too slow"})
    assert with_progress(document(plan={"steps": STEPS}), current) == current


@pytest.mark.parametrize(
    "other",
    [
        {"plan": {"steps": [{"crossover": 7.0}]}},
        {"plan": {"steps": STEPS, "gate": {"max_failure_rate": 0.5}}},
        {"plan": {"steps": STEPS}, "when": {"app": ["billing"]}},
        {"crossover": 5.0},
    ],
)
def test_another_plan_is_taken_as_it_is_written(other: dict[str, Any]) -> None:
    current = document(crossover=50.0, plan={"steps": STEPS, "step": 1, "since": SINCE})
    assert with_progress(document(**other), current) == document(**other)
