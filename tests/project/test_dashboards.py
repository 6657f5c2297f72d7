"""Grafana's dashboards of the chart: all our metrics, only our metrics, and panels that do not overlap."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.project.files import ROOT
from tests.project.promql import metrics_of, our_metrics, promtool, unknown_in

FILES = sorted((ROOT / "helm" / "crossover" / "dashboards").iterdir())
DOCUMENTED = set(
    re.findall(r"^\| `(crossover_\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE)
)
NAMES = {"crossover-argo", "crossover-feed", "crossover-runs"}

GRAFANAS = {"$__rate_interval": "5m", "$__range": "6h"}
"""Grafana's own variables, as Prometheus gets them."""

every_dashboard = pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])

Panel = dict[str, Any]


def read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def charts(file: Path) -> list[Panel]:
    return [panel for panel in read(file)["panels"] if panel["type"] != "row"]


def expressions(file: Path) -> list[str]:
    found = [target["expr"] for panel in charts(file) for target in panel["targets"]]
    for variable, value in GRAFANAS.items():
        found = [expression.replace(variable, value) for expression in found]
    return found


def cells(panel: Panel) -> set[tuple[int, int]]:
    """Of Grafana's grid, which is 24 wide."""
    place = panel["gridPos"]
    columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
    return set(itertools.product(columns, rows))


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {name for file in FILES for expression in expressions(file) for name in metrics_of(expression)}
    shown = {name.removesuffix("_bucket") for name in shown}
    assert len(DOCUMENTED) > 30
    assert DOCUMENTED - shown == set()


def test_the_dashboards_are_told_apart_and_found_together() -> None:
    documents = [read(file) for file in FILES]
    assert {document["uid"] for document in documents} == NAMES
    assert len({document["title"] for document in documents}) == len(documents)
    assert {tuple(document["tags"]) for document in documents} == {("crossover",)}
    assert all(document["links"][0]["tags"] == ["crossover"] for document in documents)
    page = (ROOT / "docs" / "operations.md").read_text()
    assert [document["title"] for document in documents if f'"{document["title"]}"' not in page] == []


@every_dashboard
def test_a_dashboard_can_be_imported_anywhere(file: Path) -> None:
    document = read(file)
    assert document["id"] is None
    assert document["uid"] == f"crossover-{file.stem}"
    assert document["schemaVersion"] >= 39
    source, *others = document["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert all(variable["datasource"] == chosen for variable in others)
    for panel in charts(file):
        assert panel["datasource"] == chosen
        assert all(target["datasource"] == chosen for target in panel["targets"])


@every_dashboard
def test_panels_have_ids_of_their_own_and_do_not_overlap(file: Path) -> None:
    panels = read(file)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in itertools.combinations(panels, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert {x for panel in panels for x, _ in cells(panel)} == set(range(24))


@every_dashboard
def test_a_panel_has_a_title_of_its_own_and_a_unit(file: Path) -> None:
    panels = charts(file)
    assert len({panel["title"] for panel in panels}) == len(panels) >= 10
    for panel in panels:
        assert re.fullmatch(r"[A-Z][A-Za-z',\- ]+", panel["title"]), "plain words"
        assert panel["fieldConfig"]["defaults"]["unit"] in {
            "short", "s", "ops", "opm", "reqps", "cps", "Bps", "percentunit",
        }  # fmt: skip
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) >= 1


@every_dashboard
def test_the_unit_is_the_one_of_the_metric(file: Path) -> None:
    for panel in charts(file):
        unit = panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            seconds = re.search(r"crossover_\w+_seconds(_bucket)?\b", target["expr"])
            assert (unit == "s") == bool(seconds), panel["title"]
            assert (unit == "Bps") == ("_bytes_total" in target["expr"]), panel["title"]


@every_dashboard
def test_a_panel_asks_for_metrics_and_labels_that_exist(file: Path) -> None:
    for expression in expressions(file):
        assert metrics_of(expression)
        assert unknown_in(expression) == []
        assert expression.count('{namespace=~"$namespace", job=~"$job"') == expression.count("{")


@every_dashboard
def test_a_legend_names_labels_that_the_series_have(file: Path) -> None:
    for panel in charts(file):
        for target in panel["targets"]:
            kept = re.findall(r"by \(([^)]*)\)", target["expr"])
            labels = {label.strip() for each in kept for label in each.split(",")}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) == labels - {"le"}, panel[
                "title"
            ]


@every_dashboard
def test_counters_are_shown_as_what_they_grow_by(file: Path) -> None:
    for expression in expressions(file):
        for name in metrics_of(expression):
            if name.endswith(("_total", "_bucket")):
                assert re.search(rf"(rate|increase)\({name}\{{[^}}]*\}}\[", expression), expression


@every_dashboard
def test_the_variables_ask_for_metrics_that_exist(file: Path) -> None:
    for variable in read(file)["templating"]["list"][1:]:
        assert metrics_of(variable["definition"]) <= our_metrics().keys()
        assert variable["definition"] == variable["query"]["query"]


@every_dashboard
def test_prometheus_can_read_every_panel(file: Path, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{i}", "expr": expression} for i, expression in enumerate(expressions(file))]
    wrapped = tmp_path / "rules.yaml"
    wrapped.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    command = [promtool(), "check", "rules", str(wrapped)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
