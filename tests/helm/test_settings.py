"""What the chart tells the services is what they take: their own settings and readers judge it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bridge.agent_settings import AgentSettings
from bridge.settings import BridgeSettings
from bridge.steps.registry import Registry
from crossover.cli.step.settings import SETTINGS
from crossover.flags.schema import read_document
from crossover.identity.identity_file import read_identity_file
from crossover.settings import ServiceSettings
from crossover.stores.redis_url import parse_redis_url
from log_streamer.settings import LogStreamerSettings
from log_streamer.tenants import read_tenants
from tests.helm.chart import SETS, Helm, Object, named, of_kind, rendered

SERVICES: dict[str, type[ServiceSettings]] = {
    "bridge": BridgeSettings,
    "log-streamer": LogStreamerSettings,
    "agent": AgentSettings,
}

COMMON = {"SSL_CERT_DIR"}
"""Variables of the sets' own."""


def deployments(helm: Helm, component: str) -> list[tuple[str, Object]]:
    return [
        (name, each["spec"]["template"]["spec"]["containers"][0])
        for name in SETS
        for each in of_kind(rendered(helm, name), "Deployment")
        if each["metadata"]["labels"]["app.kubernetes.io/component"] == component
    ]


@pytest.mark.parametrize("component", SERVICES)
def test_every_set_of_values_is_settings_that_the_service_takes(
    helm: Helm, component: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, found = SERVICES[component], deployments(helm, component)
    assert len(found) >= 3
    for name, container in found:
        with monkeypatch.context() as environment:
            for variable in container["env"]:
                environment.setenv(variable["name"], variable["value"])
            assert settings.unknown_variables() == [], name
            taken = settings()
        prefix = str(settings.model_config["env_prefix"])
        ours = {each["name"] for each in container["env"]} - COMMON
        assert all(each.startswith(prefix) for each in ours), name
        assert {each.removeprefix(prefix).lower() for each in ours} == taken.model_fields_set, name
        assert taken.model_dump()["listen_port"] == container["ports"][0]["containerPort"], name


@pytest.mark.parametrize("component", SERVICES)
def test_a_redis_that_is_named_is_one_that_can_be(helm: Helm, component: str) -> None:
    urls = [
        variable["value"]
        for _, container in deployments(helm, component)
        for variable in container["env"]
        if variable["name"].endswith("_REDIS_URL")
    ]
    assert urls
    for url in urls:
        parse_redis_url(url)


def data(helm: Helm, name: str, part: str, file: str) -> str:
    return str(named(rendered(helm, name), "ConfigMap", f"crossover-{part}")["data"][file])


@pytest.mark.parametrize("name", sorted(set(SETS) - {"logs-only"}))
def test_the_registry_is_one(helm: Helm, name: str) -> None:
    registry = Registry.model_validate(yaml.safe_load(data(helm, name, "registry", "registry.yaml")))
    assert registry.tenants.keys() == (yaml.safe_load(SETS[name].read_text()) or {}).get("tenants", {}).keys()


@pytest.mark.parametrize("name", sorted(set(SETS) - {"bridge-only"}))
def test_the_log_streamers_tenants_are_those_of_the_registry(helm: Helm, name: str, tmp_path: Path) -> None:
    file = tmp_path / "tenants.yaml"
    file.write_text(data(helm, name, "tenants", "tenants.yaml"))
    tenants = read_tenants(file)
    assert tenants.tenants.keys() == (yaml.safe_load(SETS[name].read_text()) or {}).get("tenants", {}).keys()


def test_a_tenants_keys_go_to_whom_they_are_for(helm: Helm, tmp_path: Path) -> None:
    registry = Registry.model_validate(yaml.safe_load(data(helm, "full", "registry", "registry.yaml")))
    assert registry.tenants["acme"].quotas.running_runs == 1_000_000
    file = tmp_path / "tenants.yaml"
    file.write_text(data(helm, "full", "tenants", "tenants.yaml"))
    tenants = read_tenants(file)
    assert tenants.tenant("acme").worker_namespaces == ("workers-acme",)
    assert tenants.streams == {"globex": 50}


@pytest.mark.parametrize("name", ["full", "cluster-wide", "trial"])
def test_the_identity_file_is_one(helm: Helm, name: str, tmp_path: Path) -> None:
    file = tmp_path / "identity.yaml"
    file.write_text(data(helm, name, "identity", "identity.yaml"))
    identity = read_identity_file(file)
    assert identity.kubernetes is not None
    assert identity.kubernetes.service_accounts
    assert bool(identity.oidc) == (name == "full")


def test_the_flag_document_is_one(helm: Helm) -> None:
    document = read_document(yaml.safe_load(data(helm, "full", "flags", "flags.yaml")))
    assert document.flags.keys() == {"enable_crossover"}


@pytest.mark.parametrize("name", ["trial", "full", "plugin"])
def test_the_test_is_a_step_that_the_command_knows(helm: Helm, name: str) -> None:
    pod = named(rendered(helm, name), "Pod", "crossover-test")
    (container,) = pod["spec"]["containers"]
    known = {*SETTINGS, "CROSSOVER_URL", "CROSSOVER_TOKEN_FILE"}
    assert {each["name"] for each in container["env"]} <= known
    assert container["args"] == (["approvals", "list"] if name == "plugin" else ["step", "run"])


def test_the_tests_own_service_account_is_an_operator(helm: Helm, tmp_path: Path) -> None:
    file = tmp_path / "identity.yaml"
    file.write_text(data(helm, "trial", "identity", "identity.yaml"))
    kubernetes = read_identity_file(file).kubernetes
    assert kubernetes is not None
    (found,) = [each for each in kubernetes.service_accounts if each.name == "crossover-test"]
    assert (found.namespace, found.tenant, found.role.name) == ("crossover", "default", "OPERATOR")


def test_a_change_of_the_registry_rolls_the_pods_and_one_of_the_flags_does_not(helm: Helm) -> None:
    def checksum(**values: object) -> str:
        deployment = named(helm.render(dict(values)), "Deployment", "crossover-bridge")
        return str(deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    app = {"apps": {"extract": {"workflow_type": "Extract", "task_queue": "extract"}}}
    assert checksum() != checksum(registry=app)
    assert checksum() == checksum(flags={"document": {"flags": {}}})
