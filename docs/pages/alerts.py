"""docs/alerts.md: every alert of the Helm chart, as its rules and their annotations say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from docs.pages.markdown import code, fence, page, table

RULES = Path(__file__).parents[2] / "helm" / "crossover" / "rules"

TITLES = {
    "services": "All services",
    "bridge": "The bridge",
    "callbacks": "Callbacks",
    "agent": "The agent",
    "log-streamer": "The log streamer",
}
"""Of the files, in this order."""

INTRO = """\
The chart installs these with `prometheusRule.enabled`, and leaves out those that `prometheusRule.disabled`
names; without the chart, Prometheus loads the files as they are. `critical` is for waking somebody: work
stands still, or is about to. The rest can wait for the morning. What stands in italics is filled in. What the
metrics mean is in metrics.md, and what no metric tells in operations.md#what-no-metric-tells."""

_PLACEHOLDER = re.compile(r"`\{\{ \$(?:labels\.)?(\w+)[^}]*\}\}`|\{\{ \$(?:labels\.)?(\w+)[^}]*\}\}")
_PAGE = re.compile(r"([\w-]+\.md)(#[\w-]+)?")
_ALERT = re.compile(r"\bCrossover[A-Z]\w+")

Rule = dict[str, Any]


def rules() -> dict[str, list[Rule]]:
    """The rules of each file, by its name without the ending."""
    groups = {name: yaml.safe_load((RULES / f"{name}.yaml").read_text())["groups"] for name in TITLES}
    return {name: [rule for group in each for rule in group["rules"]] for name, each in groups.items()}


def render() -> str:
    parts = [part for name, each in rules().items() for part in _component(TITLES[name], each)]
    return page("Alerts", "the files of helm/crossover/rules", _linked(INTRO), *parts)


def _component(title: str, rules: list[Rule]) -> list[str]:
    rows = [
        [_linked(rule["alert"]), rule["labels"]["severity"], _words(rule["annotations"]["summary"])]
        for rule in rules
    ]
    return [f"## {title}", table(["alert", "severity", "summary"], rows), *map(_section, rules)]


def _section(rule: Rule) -> str:
    texts = {name: _words(text) for name, text in rule["annotations"].items()}
    lasting = "at once" if rule["for"] == "0m" else f"after {rule['for']}"
    return "\n\n".join(
        [
            f"### {rule['alert']}",
            f"{rule['labels']['severity']}, {lasting}. {texts['description']}",
            f"**What to do.** {texts['action']}",
            fence("promql", rule["expr"]),
        ]
    )


def _words(text: str) -> str:
    """An annotation as a sentence of the page: placeholders are words, and what it names is linked."""
    return _linked(_PLACEHOLDER.sub(lambda found: code(found[1]) if found[1] else f"*{found[2]}*", text))


def _linked(text: str) -> str:
    text = _PAGE.sub(lambda found: f"[{found[1]}]({found[0]})", text)
    return _ALERT.sub(lambda found: f"[{found[0]}](#{found[0].lower()})", text)
