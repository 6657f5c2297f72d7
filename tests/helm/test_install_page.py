"""The pages of installing and operating say what the chart takes and what was measured."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bridge.steps.registry import Registry
from crossover.flags.schema import read_document
from crossover.identity.identity_file import read_identity_file
from docs.pages.alerts import rules
from log_streamer.tenants import read_tenants
from tests.helm.chart import CHART, Helm, Object
from tests.project.files import ROOT
from tests.project.promql import groupings_of, promtool

INSTALL = (ROOT / "docs" / "install.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
SCHEMA = json.loads((CHART / "values.schema.json").read_text())

_VALUES = re.compile(
    r"^```yaml\n# ([\w-]+\.yaml)(?:, with ([\w-]+\.yaml))?\n(.*?)^```", re.MULTILINE | re.DOTALL
)

FILES = {name: (base, yaml.safe_load(text)) for name, base, text in _VALUES.findall(INSTALL)}
"""Each file of values on the page, with the one that it is given beside."""

READERS: dict[str, Callable[[Path], object]] = {
    "registry.yaml": lambda file: Registry.model_validate(yaml.safe_load(file.read_text())),
    "tenants.yaml": read_tenants,
    "identity.yaml": read_identity_file,
    "flags.yaml": lambda file: read_document(yaml.safe_load(file.read_text())),
}
"""How the services read the files that the chart makes."""

every_file = pytest.mark.parametrize("name", FILES)


def merged(below: Any, above: Any) -> Any:
    """As helm merges files of values: objects key by key, all else as the last one says."""
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: merged(below.get(key), value) for key, value in above.items()}
    return above


def values_of(name: str) -> dict[str, Any]:
    base, own = FILES[name]
    values: dict[str, Any] = merged(values_of(base), own) if base else own
    return values


def rights_in(objects: list[Object], account: str) -> set[tuple[str, str]]:
    """What a service account may: verb and resource."""
    bound = {
        (each["roleRef"]["kind"], each["roleRef"]["name"])
        for each in objects
        if each["kind"] in {"RoleBinding", "ClusterRoleBinding"}
        and account in {subject["name"] for subject in each["subjects"]}
    }
    roles = [each for each in objects if (each["kind"], each["metadata"]["name"]) in bound]
    return {
        (verb, resource)
        for role in roles
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def rights_on_the_page(account: str) -> set[tuple[str, str]]:
    table = INSTALL.split("\n## Rights\n")[1].split("\n## ")[0]
    who, said = "", set()
    for line in re.findall(r"^\| .*$", table, re.MULTILINE):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        who = cells[0] or who
        if who.startswith(f"`{account}`"):
            verbs = re.findall(r"\b(get|list|watch|create|update|patch)\b", cells[1])
            said |= {(verb, resource) for verb in verbs for resource in re.findall(r"`([\w/]+)`", cells[2])}
    return said


def test_the_page_has_a_file_for_each_scenario_and_no_other_yaml() -> None:
    assert len(FILES) >= 12
    assert INSTALL.count("```yaml") == len(FILES)


@every_file
def test_values_of_the_page_fit_the_schema(name: str) -> None:
    jsonschema.validate(FILES[name][1], SCHEMA)
    jsonschema.validate(values_of(name), SCHEMA)


@every_file
def test_the_chart_takes_the_values_of_the_page(name: str, helm: Helm) -> None:
    assert any(each["kind"] == "Deployment" for each in helm.render(values_of(name)))


@every_file
def test_the_services_can_read_what_the_chart_makes_of_them(name: str, helm: Helm, tmp_path: Path) -> None:
    maps = [each for each in helm.render(values_of(name)) if each["kind"] == "ConfigMap"]
    texts = {file: text for each in maps for file, text in each.get("data", {}).items()}
    assert {"registry.yaml", "tenants.yaml"} <= texts.keys()
    for file in texts.keys() & READERS.keys():
        (tmp_path / file).write_text(texts[file])
        assert READERS[file](tmp_path / file)


def test_what_the_page_sets_by_hand_is_a_value_of_the_chart() -> None:
    known = yaml.safe_load((CHART / "values.yaml").read_text())
    set_by_hand = re.findall(r"--set '?([\w.]+)=", INSTALL + OPERATIONS)
    prose = re.findall(r"`([a-z]\w+(?:\.\w+)+)(?:: [^`]+)?`", INSTALL)
    named = {path for path in {*set_by_hand, *prose} if path.split(".")[0] in known}
    assert len(named) >= 8
    for path in named:
        value = known
        for key in path.split("."):
            assert not value or key in value, path
            value = value.get(key, {}) if isinstance(value, dict) else {}


def test_alerts_that_the_page_leaves_out_exist() -> None:
    names = {rule["alert"] for each in rules().values() for rule in each}
    left_out = {
        name for file in FILES for name in values_of(file).get("prometheusRule", {}).get("disabled", [])
    }
    assert left_out
    assert left_out <= names


SERVER = {"argo": {"access": "server", "serverUrl": "https://argo-server.argo:2746"}}
SECRETS = {"agent": {"secretNames": ["crossover-token"]}}

GRANTED: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "crossover-bridge": [("one-namespace.yaml", {}), ("one-namespace.yaml", SERVER)],
    "crossover-log-streamer": [("one-namespace.yaml", {})],
    "crossover-agent": [("agent.yaml", {}), ("agent.yaml", SECRETS)],
    "crossover-step": [("service-accounts.yaml", {}), ("plugin.yaml", {})],
}
"""Values that together give each account all that it can have, but for tokenreviews."""


@pytest.mark.parametrize("account", GRANTED)
def test_the_table_of_rights_is_what_the_chart_grants(account: str, helm: Helm) -> None:
    rendered = [helm.render(merged(values_of(file), more)) for file, more in GRANTED[account]]
    assert rights_on_the_page(account) == {right for each in rendered for right in rights_in(each, account)}


def test_prometheus_takes_the_alerts_that_are_installed(helm: Helm, tmp_path: Path) -> None:
    objects = helm.render(values_of("watched.yaml"))
    for each in [each for each in objects if each["kind"] == "PrometheusRule"]:
        (tmp_path / f"{each['metadata']['name']}.yaml").write_text(yaml.safe_dump(each["spec"]))
    files = sorted(map(str, tmp_path.iterdir()))
    assert len(files) == 4
    done = subprocess.run([promtool(), "check", "rules", *files], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_about_the_lead_group_by_the_label_that_the_chart_gives_to_shares(helm: Helm) -> None:
    values = merged(values_of("agent.yaml"), {"agent": {"shards": 2}, "serviceMonitor": {"enabled": True}})
    monitors = [each for each in helm.render(values) if each["kind"] == "ServiceMonitor"]
    labels = {label for each in monitors for label in each["spec"].get("podTargetLabels", [])}
    assert {re.sub(r"\W", "_", label) for label in labels} == {"crossover_share"}
    (rule,) = [rule for rule in rules()["agent"] if rule["alert"] == "CrossoverAgentLeadsNowhere"]
    assert "crossover_share" in groupings_of(rule["expr"])


def test_by_default_nothing_is_granted_in_the_whole_cluster(helm: Helm) -> None:
    objects = helm.render(values_of("one-namespace.yaml"))
    assert [each for each in objects if each["kind"] == "ClusterRole"] == []


def test_the_figures_of_the_page_are_those_that_were_measured() -> None:
    """Rounded: a figure that moved by a fifth is told here, and the page is mended."""
    results = json.loads((ROOT / "bench" / "results.json").read_text())["figures"]
    measured = {each["name"]: each["value"] for each in results}
    rows = re.findall(r"^\| .+ \| ([\d.,]+)[^|]* \| `(\w+)` \|$", OPERATIONS, re.MULTILINE)
    assert len(rows) >= 10
    for said, name in rows:
        assert float(said.replace(",", "")) == pytest.approx(measured[name], rel=0.2), name


def test_the_page_has_every_file_of_state_that_redis_and_the_pods_hold() -> None:
    for key in ("flags", "pins:…", "outcomes:…", "rate:…", "audit", "streams…"):
        assert f"`{key}`" in OPERATIONS
    assert "`state_dir`" in OPERATIONS


@pytest.mark.parametrize("page", ["operations.md", "install.md", "services.md"])
def test_a_page_can_be_read_in_one_go(page: str) -> None:
    assert len((ROOT / "docs" / page).read_text().splitlines()) <= 400
