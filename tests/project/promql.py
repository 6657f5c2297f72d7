"""What a PromQL expression names, and which of it our services have."""

from __future__ import annotations

import re
import shutil
from functools import cache

import pytest

from docs.pages.metrics import SERVICES, families

OF_TARGETS = frozenset({"namespace", "job", "pod", "instance", "crossover_share"})
"""Labels that Prometheus gives each series; the last is made of one that the chart gives to pods."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_METRIC = re.compile(r"\b(crossover_\w+)\s*(\{[^}]*\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')


def metrics_of(expression: str) -> set[str]:
    """Names as they are scraped."""
    return {name for name, _ in _METRIC.findall(_GROUPING.sub("", _STRING.sub('""', expression)))}


def groupings_of(expression: str) -> set[str]:
    lists = _GROUPING.findall(expression)
    return {label.strip() for each in lists for label in each.split(",") if label.strip()}


def matchers_of(expression: str) -> set[tuple[str, str, str]]:
    """Metric, label and a value that it is compared with; alternatives of a pattern one by one."""
    return {
        (metric, label, value)
        for metric, selector in _METRIC.findall(_GROUPING.sub("", expression))
        for label, values in _MATCHER.findall(selector)
        for value in values.split("|")
    }


@cache
def our_metrics() -> dict[str, frozenset[str]]:
    """The labels of every sample that the services have, by its name."""
    found: dict[str, frozenset[str]] = {}
    for _, recorders, _ in SERVICES.values():
        for family in families(recorders):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, frozenset()) | sample.labels.keys()
    return found


def unknown_in(expression: str) -> list[str]:
    """What an expression names, and neither our services nor Prometheus have."""
    metrics = metrics_of(expression)
    ours = our_metrics()
    labels = OF_TARGETS.union(*(ours.get(name, frozenset()) for name in metrics))
    matched = {
        f"{metric}{{{label}}}"
        for metric, label, _ in matchers_of(expression)
        if label not in ours.get(metric, frozenset()) | OF_TARGETS
    }
    return sorted((metrics - ours.keys()) | (groupings_of(expression) - labels) | matched)


def promtool() -> str:
    """Prometheus' own judge of rules. Skips the test where it is not installed."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("needs promtool, which is in Debian's package prometheus")
    return found
