"""The alerts of the chart: about metrics that exist, tested in promtool's own way, each with what to do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.service import RPCStatusCode

from crossover.errors import TABLE
from crossover.flags.model import Reason as DecisionReason
from docs.pages.alerts import RULES, TITLES, Rule, rules
from docs.pages.metric_texts import AGENT, CALLBACKS
from log_streamer.feed.frames import EndReason
from log_streamer.model import Reason as GapReason
from tests.project.files import ROOT
from tests.project.promql import groupings_of, matchers_of, metrics_of, promtool, unknown_in

STORIES = ROOT / "tests" / "project" / "alerts"
ALL = [(file, rule) for file, each in rules().items() for rule in each]
NAMES = [rule["alert"] for _, rule in ALL]

_PLACEHOLDER = re.compile(r"\$labels\.(\w+)")

every_alert = pytest.mark.parametrize(("file", "rule"), ALL, ids=NAMES)
every_file = pytest.mark.parametrize("file", TITLES)


def stories(file: str) -> list[dict[str, Any]]:
    document: dict[str, Any] = yaml.safe_load((STORIES / f"{file}.yaml").read_text())
    assert document["rule_files"] == [f"../../../helm/crossover/rules/{file}.yaml"]
    tests: list[dict[str, Any]] = document["tests"]
    return tests


def words_for(metric: str) -> str:
    texts = {**CALLBACKS, **AGENT}[metric]
    return texts.meaning + texts.odd


VALUES = {
    ("crossover_errors_total", "kind"): {row.kind for row in TABLE.values()},
    ("crossover_temporal_calls_total", "outcome"): {code.name for code in RPCStatusCode} | {"CONNECT"},
    ("crossover_decisions_total", "reason"): {*DecisionReason},
    ("crossover_feed_gaps_total", "reason"): {*GapReason},
    ("crossover_stream_ends_total", "reason"): {*EndReason, "hung_up"},
    ("crossover_flags_not_fresh", "state"): {"stale", "refused"},
    ("crossover_lost_total", "store"): {"decisions", "outcomes", "audit"},
    ("crossover_starts_total", "outcome"): {"created", "attached"},
}
"""What a label may be; for the others, what its page says."""


def test_every_file_of_rules_is_of_a_component() -> None:
    assert {path.name for path in RULES.iterdir()} == {f"{name}.yaml" for name in TITLES}
    assert {path.name for path in STORIES.iterdir()} == {f"{name}.yaml" for name in TITLES}
    assert len(NAMES) == len(set(NAMES)) > 30


@every_file
def test_a_file_has_one_group_and_no_templates_of_helm(file: str) -> None:
    document = yaml.safe_load((RULES / f"{file}.yaml").read_text())
    assert [group["name"] for group in document["groups"]] == [f"crossover.{file}"]
    assert {key for group in document["groups"] for key in group} == {"name", "rules"}
    assert not re.search(r"\{\{-?\s*[.a-z(]", (RULES / f"{file}.yaml").read_text())


@every_alert
def test_an_alert_has_all_its_parts(file: str, rule: Rule) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["alert"].startswith("Crossover")
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert re.fullmatch(r"\d+m", rule["for"])
    assert rule["annotations"].keys() == {"summary", "description", "action", "runbook"}
    assert not rule["annotations"]["summary"].endswith(".")
    assert all(rule["annotations"][name].endswith(".") for name in ("description", "action"))


@every_alert
def test_an_alert_asks_for_metrics_and_labels_that_exist(file: str, rule: Rule) -> None:
    assert metrics_of(rule["expr"])
    assert unknown_in(rule["expr"]) == []


@every_alert
def test_an_alert_compares_labels_with_values_that_they_can_have(file: str, rule: Rule) -> None:
    for metric, label, value in matchers_of(rule["expr"]):
        known = VALUES.get((metric, label))
        assert value in known if known else f"`{value}`" in words_for(metric), (metric, label, value)


@every_alert
def test_an_alerts_words_name_labels_that_it_has(file: str, rule: Rule) -> None:
    named = {label for text in rule["annotations"].values() for label in _PLACEHOLDER.findall(text)}
    assert {"job"} <= groupings_of(rule["expr"])
    assert named <= groupings_of(rule["expr"])
    assert _PLACEHOLDER.search(rule["annotations"]["description"])


@every_alert
def test_an_alert_says_where_its_runbook_is(file: str, rule: Rule) -> None:
    name = rule["alert"]
    assert rule["annotations"]["runbook"] == f"alerts.md#{name.lower()}"
    assert f"\n### {name}\n" in (ROOT / "docs" / "alerts.md").read_text()


def test_every_alert_that_a_page_or_a_text_names_exists() -> None:
    pages = [ROOT / "docs" / name for name in ("alerts.md", "install.md", "operations.md", "metrics.md")]
    texts = [path.read_text() for path in [*pages, *RULES.iterdir()]]
    named = {name for text in texts for name in re.findall(r"\bCrossover[A-Z]\w+", text)}
    assert named - {*NAMES} == {"CrossoverTraceId", "CrossoverVariant", "CrossoverMode"}, "search attributes"


@every_file
def test_every_alert_has_a_story_in_which_it_fires_and_before_that_does_not(file: str) -> None:
    firing = set()
    for story in stories(file)[1:]:
        before, *looks = story["promql_expr_test"]
        assert "exp_samples" not in before, story["name"]
        samples = [sample["labels"] for look in looks for sample in look.get("exp_samples", [])]
        firing |= {name for labels in samples for name in re.findall(r'alertname="(\w+)"', labels)}
    assert firing == {rule["alert"] for rule in rules()[file]}


@every_file
def test_the_first_story_has_every_metric_of_the_alerts_and_all_are_silent(file: str) -> None:
    well = stories(file)[0]
    series = {name for each in well["input_series"] for name in metrics_of(each["series"])}
    assert well["name"].startswith("all is well")
    assert {name for rule in rules()[file] for name in metrics_of(rule["expr"])} <= series
    assert all("exp_samples" not in look for look in well["promql_expr_test"])


@every_file
def test_the_stories_are_about_metrics_and_labels_that_exist(file: str) -> None:
    for story in stories(file):
        for each in story["input_series"]:
            assert unknown_in(each["series"]) == []


@every_file
def test_prometheus_takes_the_rules(file: str) -> None:
    judged(promtool(), "check", "rules", "--lint=all", "--lint-fatal", str(RULES / f"{file}.yaml"))


@every_file
def test_in_prometheus_each_alert_fires_when_it_should_and_is_silent_where_all_is_well(file: str) -> None:
    judged(promtool(), "test", "rules", str(STORIES / f"{file}.yaml"))


def test_in_prometheus_a_rule_that_never_fires_fails_its_story(tmp_path: Path) -> None:
    """The judge itself is judged."""
    mute = (RULES / "callbacks.yaml").read_text().replace("> 600", "> 60000000")
    story = (STORIES / "callbacks.yaml").read_text().replace("../../../helm/crossover/rules/", "")
    (tmp_path / "callbacks.yaml").write_text(mute)
    (tmp_path / "story.yaml").write_text(story)
    with pytest.raises(AssertionError, match="CrossoverCallbackOverdue"):
        judged(promtool(), "test", "rules", str(tmp_path / "story.yaml"))


def judged(*command: str) -> None:
    """Raises AssertionError with what promtool says."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
