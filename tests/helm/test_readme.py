"""The chart's README says what values.yaml says, of each value that there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from docs.generate import ELSEWHERE
from docs.pages import chart
from tests.helm.chart import CHART, ROOT

TEXT = (CHART / "values.yaml").read_text()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_it_is_what_the_values_say(name: str) -> None:
    assert (ROOT / name).read_text() == ELSEWHERE[name](), "run `make docs`"


def leaves(values: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def test_every_value_is_told() -> None:
    told = [".".join(each.path) for each in chart.values(TEXT)]
    assert len(told) == len(set(told)) > 150
    for leaf in leaves(yaml.safe_load(TEXT)):
        assert any(leaf == each or leaf.startswith(f"{each}.") for each in told), leaf


def test_a_value_without_a_comment_stops_the_generation() -> None:
    with pytest.raises(ValueError, match=r"bridge\.replicas has no comment"):
        list(chart.values("bridge:\n  # -- Whether.\n  enabled: true\n  replicas: 1\n"))


def test_a_comment_may_have_several_lines_and_a_value_several() -> None:
    text = "a:\n  # -- One,\n  # two.\n  b:\n    c: 1\n    d: {e: 2}\n# Not told.\n# -- Three.\nf: x\n"
    found = [(each.path, each.default, each.text) for each in chart.values(text)]
    assert found == [(("a", "b"), {"c": 1, "d": {"e": 2}}, "One, two."), (("f",), "x", "Three.")]
