"""Words of the command line become values, or a sentence that says how to write them."""

from __future__ import annotations

import pytest

from crossover.cli.flags import arguments


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("100", [{"crossover": 100.0}]),
        (
            "5:1h,25%:4h, 100",
            [{"crossover": 5.0, "hold": 3600.0}, {"crossover": 25.0, "hold": 14400.0}, {"crossover": 100.0}],
        ),
        ("0+50:90m", [{"crossover": 0.0, "shadow": 50.0, "hold": 5400.0}]),
        ("2.5+7.5", [{"crossover": 2.5, "shadow": 7.5}]),
    ],
)
def test_steps_are_percentages_with_shadow_and_hold(text: str, steps: object) -> None:
    assert arguments.plan_steps(text) == steps


@pytest.mark.parametrize("text", ["", "5,,10", "five", "5:", "5:soon", "-5", "5+", "1.2.3"])
def test_what_is_no_step_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        arguments.plan_steps(text)


def test_conditions_of_one_key_add_up() -> None:
    assert arguments.conditions(["app=a,connector=hive", "app=b"]) == {
        "app": ["a", "b"],
        "connector": ["hive"],
    }


@pytest.mark.parametrize("text", ["", "app", "app=", "tenant=acme", "=x"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="app=billing"):
        arguments.conditions([text])


@pytest.mark.parametrize(("text", "share"), [("2%", 0.02), ("0.02", 0.02), ("100%", 1.0), ("0", 0.0)])
def test_a_share_is_written_either_way(text: str, share: float) -> None:
    assert arguments.rate(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["2", "101%", "-1%", "nan", "some"])
def test_a_share_above_one_is_not_guessed_at(text: str) -> None:
    with pytest.raises(ValueError, match="2%"):
        arguments.rate(text)
