"""What Prometheus' operator and Grafana's sidecar get: the files of rules/ and dashboards/, unchanged."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.pages.alerts import rules
from tests.helm.chart import CHART, Helm, Object, of_kind
from tests.project.promql import promtool

WATCHED: dict[str, Any] = {
    "argo": {"namespaces": ["argo"]},
    "tenants": {"acme": {"argo_namespaces": ["argo"]}},
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
}
BY_FILE = rules()


def alerts_in(objects: list[Object]) -> list[dict[str, Any]]:
    groups = [group for each in of_kind(objects, "PrometheusRule") for group in each["spec"]["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def names_of(*files: str) -> set[str]:
    return {rule["alert"] for file in files for rule in BY_FILE[file]}


def test_all_alerts_are_installed_as_they_are_written(helm: Helm) -> None:
    installed = alerts_in(helm.render({**WATCHED, "agent": {"enabled": True}}))
    assert sorted(installed, key=str) == sorted((rule for each in BY_FILE.values() for rule in each), key=str)


@pytest.mark.parametrize(
    ("values", "files"),
    [
        ({}, ("services", "bridge", "callbacks", "log-streamer")),
        ({"logStreamer": {"enabled": False}}, ("services", "bridge", "callbacks")),
        ({"bridge": {"enabled": False, "url": "https://bridge.example"}}, ("services", "log-streamer")),
    ],
)
def test_only_alerts_of_what_is_there_are_installed(
    values: dict[str, Any], files: tuple[str, ...], helm: Helm
) -> None:
    assert {rule["alert"] for rule in alerts_in(helm.render(WATCHED | values))} == names_of(*files)


def test_an_alert_can_be_left_out(helm: Helm) -> None:
    values = WATCHED | {"prometheusRule": {"enabled": True, "disabled": ["CrossoverNotifySlow"]}}
    every = names_of("services", "bridge", "callbacks", "log-streamer")
    assert {rule["alert"] for rule in alerts_in(helm.render(values))} == every - {"CrossoverNotifySlow"}


def test_replicas_that_number_the_flags_of_a_file_for_themselves_are_not_compared(helm: Helm) -> None:
    values = WATCHED | {"flags": {"configMap": "flags-in-git"}}
    assert "CrossoverFlagVersionsDiffer" not in {rule["alert"] for rule in alerts_in(helm.render(values))}


def test_prometheus_takes_what_is_installed(helm: Helm, tmp_path: Path) -> None:
    objects = of_kind(helm.render({**WATCHED, "agent": {"enabled": True}}), "PrometheusRule")
    assert len(objects) == len(BY_FILE)
    for each in objects:
        file = tmp_path / f"{each['metadata']['name']}.yaml"
        file.write_text(yaml.safe_dump(each["spec"]))
    command = [promtool(), "check", "rules", *map(str, tmp_path.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dashboards_are_installed_as_they_are_written(helm: Helm) -> None:
    maps = [
        each for each in of_kind(helm.render(WATCHED), "ConfigMap") if "grafana_dashboard" in labels(each)
    ]
    found = {name: json.loads(text) for each in maps for name, text in each["data"].items()}
    assert found == {path.name: json.loads(path.read_text()) for path in (CHART / "dashboards").iterdir()}


def test_each_service_is_scraped_where_it_listens(helm: Helm) -> None:
    objects = helm.render({**WATCHED, "agent": {"enabled": True}})
    services = {str(labels(each)): each for each in of_kind(objects, "Service")}
    monitors = of_kind(objects, "ServiceMonitor")
    assert len(monitors) == 3
    for monitor in monitors:
        wanted = monitor["spec"]["selector"]["matchLabels"]
        matching = [each for each in services.values() if wanted.items() <= labels(each).items()]
        (endpoint,) = monitor["spec"]["endpoints"]
        assert [port["name"] for each in matching for port in each["spec"]["ports"]] == [endpoint["port"]]
        assert endpoint["path"] == "/metrics"


def test_shares_of_the_agent_are_told_apart(helm: Helm) -> None:
    """The alerts about the lead group by `crossover_share`, which Prometheus makes of this label of pods."""
    objects = helm.render({**WATCHED, "agent": {"enabled": True, "shards": 2}})
    (monitor,) = [
        each for each in of_kind(objects, "ServiceMonitor") if each["metadata"]["name"].endswith("-agent")
    ]
    assert monitor["spec"]["podTargetLabels"] == ["crossover/share"]
    agents = [each for each in of_kind(objects, "Deployment") if "-agent-" in each["metadata"]["name"]]
    assert {each["spec"]["template"]["metadata"]["labels"]["crossover/share"] for each in agents} == {
        "0",
        "1",
    }


def labels(item: Object) -> dict[str, str]:
    found: dict[str, str] = item["metadata"]["labels"]
    return found
