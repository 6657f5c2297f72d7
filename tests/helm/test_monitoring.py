"""Alerts, dashboards and what Prometheus reads: the files beside the chart, in its objects."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.helm.chart import CHART, Helm, Object, of_kind, rendered, values_of

RULES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((CHART / "rules").glob("*.yaml"))}
BY_VERSION = "CrossoverFlagVersionsDiffer"


def alerts(groups: list[Object]) -> list[str]:
    return [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]


def rules(helm: Helm, **values: object) -> dict[str, list[str]]:
    found = of_kind(helm.render({"prometheusRule": {"enabled": True}, **values}), "PrometheusRule")
    return {
        each["metadata"]["name"].removeprefix("crossover-"): alerts(each["spec"]["groups"]) for each in found
    }


def test_everything_of_a_rules_file_is_in_its_object(helm: Helm) -> None:
    found = of_kind(helm.render({"prometheusRule": {"enabled": True}}), "PrometheusRule")
    for each in found:
        file = each["metadata"]["name"].removeprefix("crossover-")
        assert each["spec"]["groups"] == RULES[file]["groups"]


def test_there_are_rules_for_what_runs(helm: Helm) -> None:
    assert rules(helm).keys() == {"services", "bridge", "callbacks", "log-streamer"}
    assert rules(helm, bridge={"enabled": False}).keys() == {"services", "log-streamer"}
    assert {
        each["metadata"]["name"].removeprefix("crossover-")
        for each in of_kind(rendered(helm, "full"), "PrometheusRule")
    } == set(RULES)


def test_an_alert_that_is_disabled_is_left_out_and_no_other(helm: Helm) -> None:
    one = alerts(RULES["bridge"]["groups"])[0]
    left = rules(helm, prometheusRule={"enabled": True, "disabled": [one]})["bridge"]
    assert left == [each for each in alerts(RULES["bridge"]["groups"]) if each != one]


@pytest.mark.parametrize("flags", [{"document": {"flags": {}}}, {"configMap": "flags"}])
def test_versions_are_not_compared_where_each_replica_numbers_for_itself(
    helm: Helm, flags: dict[str, object]
) -> None:
    everywhere = [alert for found in RULES.values() for alert in alerts(found["groups"])]
    assert BY_VERSION in everywhere
    wanted = flags if flags.get("configMap") else {"document": {"flags": {"x": {}}}}
    assert BY_VERSION not in [alert for found in rules(helm, flags=wanted).values() for alert in found]


def test_each_service_that_is_there_is_read(helm: Helm) -> None:
    monitors = of_kind(rendered(helm, "full"), "ServiceMonitor")
    services = of_kind(rendered(helm, "full"), "Service")
    assert {each["metadata"]["name"] for each in monitors} == {each["metadata"]["name"] for each in services}
    for monitor in monitors:
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
        assert monitor["spec"]["endpoints"] == [{"port": "http", "path": "/metrics", "interval": "30s"}]


def test_prometheus_tells_the_agents_shares_apart(helm: Helm) -> None:
    values = values_of("cluster-wide") | {"serviceMonitor": {"enabled": True}}
    found = helm.render(values)
    (monitor,) = [
        each for each in of_kind(found, "ServiceMonitor") if each["metadata"]["name"] == "crossover-agent"
    ]
    (label,) = monitor["spec"]["podTargetLabels"]
    shares = [
        each["spec"]["template"]["metadata"]["labels"][label]
        for each in of_kind(found, "Deployment")
        if each["metadata"]["name"].startswith("crossover-agent")
    ]
    assert shares == ["0", "1"]


def test_every_dashboard_is_in_a_config_map_that_grafana_finds(helm: Helm) -> None:
    found = [
        each
        for each in of_kind(rendered(helm, "full"), "ConfigMap")
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
    ]
    files = {path.name: json.loads(path.read_text()) for path in (CHART / "dashboards").glob("*.json")}
    assert {name: json.loads(text) for each in found for name, text in each["data"].items()} == files
