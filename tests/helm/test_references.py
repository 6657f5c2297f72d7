"""What objects name of each other is there: Secrets are the operator's, all else is the chart's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helm.chart import SETS, Helm, Object, containers, of_kind, pods, rendered, title, values_of

OF_KUBERNETES = {"kube-root-ca.crt"}


def names(objects: tuple[Object, ...], kind: str, namespace: str = "crossover") -> set[str]:
    return {
        each["metadata"]["name"]
        for each in of_kind(objects, kind)
        if each["metadata"].get("namespace") == namespace
    }


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", SETS)
def test_every_config_map_and_service_account_of_a_pod_is_there(helm: Helm, name: str) -> None:
    objects, given = rendered(helm, name), set(texts(values_of(name)))
    maps, accounts = names(objects, "ConfigMap"), names(objects, "ServiceAccount")
    for item, pod in pods(objects):
        assert pod["serviceAccountName"] in accounts, item
        for volume in pod["volumes"]:
            if "configMap" in volume:
                assert volume["configMap"]["name"] in maps | OF_KUBERNETES | given, (item, volume)
                check_items(objects, volume["configMap"])


def check_items(objects: tuple[Object, ...], volume: Object) -> None:
    for config_map in of_kind(objects, "ConfigMap"):
        if config_map["metadata"]["name"] == volume["name"]:
            wanted = {each["key"] for each in volume.get("items", [])}
            assert wanted <= config_map["data"].keys(), title(config_map)


@pytest.mark.parametrize("name", SETS)
def test_every_secret_is_one_that_the_values_name(helm: Helm, name: str) -> None:
    given = {*texts(values_of(name)), "crossover-tokens"}
    for item, pod in pods(rendered(helm, name)):
        named = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
        assert named <= given, item


@pytest.mark.parametrize("name", SETS)
def test_every_mount_has_its_volume_and_every_volume_its_mount(helm: Helm, name: str) -> None:
    for item, pod in pods(rendered(helm, name)):
        volumes = [each["name"] for each in pod["volumes"]]
        mounts = [each for container in containers(pod) for each in container["volumeMounts"]]
        assert len(volumes) == len(set(volumes)), item
        assert {each["name"] for each in mounts} == set(volumes), item
        for container in containers(pod):
            places = [each["mountPath"] for each in container["volumeMounts"]]
            assert len(places) == len(set(places)), item


@pytest.mark.parametrize("name", SETS)
def test_every_file_that_a_variable_names_is_mounted(helm: Helm, name: str) -> None:
    for item, pod in pods(rendered(helm, name)):
        volumes = {each["name"]: each for each in pod["volumes"]}
        for container in pod["containers"]:
            files = mounted(container, volumes)
            for variable in container["env"]:
                if str(variable.get("value", "")).startswith("/etc/crossover/"):
                    assert variable["value"] in files, (item, variable)


def mounted(container: Object, volumes: dict[str, Object]) -> set[str]:
    """Files below /etc/crossover. A ConfigMap without items is one of the chart's: its key says its name."""
    files: set[str] = set()
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        source = volume.get("secret") or volume.get("configMap") or {}
        items = [each["path"] for each in source.get("items", [])]
        files |= {f"{mount['mountPath']}/{each}" for each in items or [f"{mount['name']}.yaml"]}
    return files


@pytest.mark.parametrize("name", SETS)
def test_every_probe_service_and_policy_names_a_port_and_pods_that_exist(helm: Helm, name: str) -> None:
    objects = rendered(helm, name)
    labels = [each["spec"]["template"] for each in of_kind(objects, "Deployment")] + of_kind(objects, "Pod")
    selectors = [each["spec"]["selector"] for each in of_kind(objects, "Service")]
    selectors += [each["spec"]["podSelector"]["matchLabels"] for each in of_kind(objects, "NetworkPolicy")]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in of_kind(objects, "PodDisruptionBudget")]
    for selector in selectors:
        assert [each for each in labels if selector.items() <= each["metadata"]["labels"].items()], selector
    for service in of_kind(objects, "Service"):
        (port,) = service["spec"]["ports"]
        matching = [
            pod["spec"]
            for pod in labels
            if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        ]
        offered = {each["name"] for pod in matching for each in pod["containers"][0]["ports"]}
        assert offered == {port["targetPort"]}, title(service)
    for item, pod in pods(objects):
        for container in containers(pod):
            ports = {each["name"] for each in container.get("ports", [])}
            probes = [value for key, value in container.items() if key.endswith("Probe")]
            assert {(each.get("httpGet") or each["tcpSocket"])["port"] for each in probes} <= ports, item


@pytest.mark.parametrize("name", SETS)
def test_every_binding_is_of_a_role_and_a_service_account_that_exist(helm: Helm, name: str) -> None:
    objects = rendered(helm, name)
    controller = {("argo", "argo")}
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in of_kind(objects, "ServiceAccount")
    }
    for binding in of_kind(objects, "RoleBinding", "ClusterRoleBinding"):
        role = binding["roleRef"]
        (found,) = [
            each
            for each in of_kind(objects, role["kind"])
            if each["metadata"]["name"] == role["name"]
            and each["metadata"].get("namespace") == binding["metadata"].get("namespace")
        ]
        assert found["rules"]
        subjects = {(each["namespace"], each["name"]) for each in binding["subjects"]}
        assert subjects, title(binding)
        assert subjects <= accounts | controller, title(binding)


@pytest.mark.parametrize("name", SETS)
def test_every_service_that_a_variable_or_a_file_names_exists(helm: Helm, name: str) -> None:
    objects = rendered(helm, name)
    ports = {
        each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in of_kind(objects, "Service")
    }
    named = {
        found for text in texts(list(objects)) for found in re.findall(r"([\w-]+)\.crossover:(\d+)", text)
    }
    assert {(service, int(port)) for service, port in named} <= set(ports.items())


@pytest.mark.parametrize("name", SETS)
def test_no_two_objects_are_the_same(helm: Helm, name: str) -> None:
    seen = [
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        for each in rendered(helm, name)
    ]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("name", SETS)
def test_every_object_has_the_labels_that_kubernetes_recommends(helm: Helm, name: str) -> None:
    wanted = {
        f"app.kubernetes.io/{each}" for each in ("name", "instance", "component", "version", "managed-by")
    }
    for each in rendered(helm, name):
        assert wanted | {"helm.sh/chart"} <= each["metadata"]["labels"].keys(), title(each)
