"""values.schema.json: no value that the chart does not know, and each that it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from bridge.agent_settings import AgentSettings
from bridge.settings import BridgeSettings
from crossover.settings import ServiceSettings
from log_streamer.settings import LogStreamerSettings
from tests.helm.chart import CHART, SETS, Helm, Object, Refused, named, rendered

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())

OPEN = {"free", "texts"}
"""Objects of Kubernetes or of others, which check them themselves; and labels and the like."""

COMPONENTS: dict[str, tuple[type[ServiceSettings], str]] = {
    "bridge": (BridgeSettings, "Deployment crossover-bridge"),
    "logStreamer": (LogStreamerSettings, "Deployment crossover-log-streamer"),
    "agent": (AgentSettings, "Deployment crossover-agent"),
}

NOT_IN_PODS = {
    "bridge": {
        *("kubernetes_api", "kubernetes_api_token_file", "kubernetes_api_ca_file"),  # the pod's own is right
        *("listen_port", "tenant", "flags_writable"),
    },
    "logStreamer": {
        *("kubernetes_api", "kubernetes_api_token_file", "kubernetes_api_ca_file", "listen_port", "tenant"),
        *("kubernetes_token_file", "kubernetes_ca_file"),  # in-cluster
        *("argo_namespaces", "worker_namespaces", "worker_selector"),  # tenants_file has them
        *("local_runs", "worker_logs", "docker_socket"),  # without Kubernetes
    },
    "agent": {
        *("kubernetes_api", "kubernetes_api_token_file", "kubernetes_api_ca_file", "listen_port", "tenant"),
        *("kubernetes", "kubernetes_token_file", "kubernetes_ca_file", "elect", "lease_namespace", "pod"),
        # What the bridge's API has, and an agent has not.
        *("auth", "tokens_file", "identity_file", "session_key_file", "session_hours", "session_url"),
        *("recheck", "flags_writable", "plugin_requeue", "body_limit", "parity", "audit_file", "logs_url"),
        *("argo_server_url", "argo_kubernetes_url", "argo_token_file", "argo_ca_file"),
    },
}
"""Settings that mean nothing in a pod, or whose default is the only right value there."""


def objects(part: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each schema of an object, with where it is."""
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield path, part
        for key, inner in part.items():
            yield from objects(inner, f"{path}/{key}")
    elif isinstance(part, list):
        for number, inner in enumerate(part):
            yield from objects(inner, f"{path}/{number}")


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["$defs"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
    return found


def paths(
    values: dict[str, Any], schema: dict[str, Any], before: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Each place of values.yaml whose keys the schema knows by name."""
    yield before
    for key, value in values.items():
        inner = resolved(schema["properties"][key])
        if isinstance(value, dict) and inner.get("properties"):
            yield from paths(value, inner, (*before, key))


PLACES = list(paths(VALUES, SCHEMA))


def test_no_object_takes_keys_that_it_does_not_know() -> None:
    open_ones = {path for path, part in objects(SCHEMA) if part.get("additionalProperties") is not False}
    by_name = {"/properties/registry/properties/apps"}  # apps by their own names, each with known keys
    assert open_ones == {f"/$defs/{name}" for name in OPEN} | by_name


def test_every_value_of_the_file_is_in_the_schema_and_the_other_way_round() -> None:
    for place in PLACES:
        part, schema = VALUES, SCHEMA
        for key in place:
            part, schema = part[key], resolved(schema["properties"][key])
        if place[-1:] != ("settings",):
            assert part.keys() == schema["properties"].keys(), place


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_an_unknown_key_is_refused(helm: Helm, place: tuple[str, ...]) -> None:
    values: dict[str, Any] = {"unknown": "x"}
    for key in reversed(place):
        values = {key: values}
    with pytest.raises(Refused, match=r"additional properties 'unknown' not allowed"):
        helm.render(values)


@pytest.mark.parametrize("key", COMPONENTS)
def test_every_setting_is_the_charts_or_the_operators(helm: Helm, key: str) -> None:
    """None is forgotten, none can be said twice, and none is made up."""
    settings, item = COMPONENTS[key]
    prefix = str(settings.model_config["env_prefix"])
    ours = {name for each in SETS for name in set_by_us(rendered(helm, each), item, prefix)}
    theirs = set(resolved(SCHEMA["properties"][key])["properties"]["settings"]["properties"])
    ours -= {name for each in SETS for name in given(each, key)}
    assert ours & theirs == set()
    assert (ours | theirs) & NOT_IN_PODS[key] == set()
    assert ours | theirs | NOT_IN_PODS[key] == set(settings.model_fields)


def set_by_us(items: tuple[Object, ...], wanted: str, prefix: str) -> set[str]:
    kind, name = wanted.split()
    deployments = [
        each for each in items if each["kind"] == kind and each["metadata"]["name"].startswith(name)
    ]
    variables = [
        variable["name"]
        for each in deployments
        for container in each["spec"]["template"]["spec"]["containers"]
        for variable in container["env"]
    ]
    return {name.removeprefix(prefix).lower() for name in variables if name.startswith(prefix)}


def given(name: str, key: str) -> set[str]:
    values = yaml.safe_load(SETS[name].read_text()) or {}
    return set(values.get(key, {}).get("settings", {}))


def test_the_operators_settings_become_variables_as_they_were_written(helm: Helm) -> None:
    deployment = named(rendered(helm, "full"), "Deployment", "crossover-bridge")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["CROSSOVER_BRIDGE_AUDIT_ENTRIES"] == "1000000"
    assert variables["CROSSOVER_BRIDGE_LOG_LEVEL"] == "warning"
    assert variables["CROSSOVER_BRIDGE_KILL"] == "true"
