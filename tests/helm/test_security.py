"""What the rendered chart may do, and what its pods may: read off every set of values."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helm.chart import SETS, Helm, Object, containers, of_kind, pods, rendered, title

CLUSTER_ROLES = {"crossover-crossover-token-reviews"}
"""What a release for some namespaces may have cluster-wide: the question whose token one is."""

TALK_TO_KUBERNETES = {
    "Deployment crossover-bridge",
    "Deployment crossover-log-streamer",
    "Deployment crossover-agent",
    "Deployment crossover-agent-0-of-2",
    "Deployment crossover-agent-1-of-2",
}


def rules(helm: Helm, name: str) -> Iterator[tuple[str, Object]]:
    for role in of_kind(rendered(helm, name), "Role", "ClusterRole"):
        for rule in role["rules"]:
            yield title(role), rule


@pytest.mark.parametrize("name", SETS)
def test_no_role_has_a_wildcard(helm: Helm, name: str) -> None:
    for role, rule in rules(helm, name):
        for words in rule.values():
            assert not [word for word in words if "*" in word], role


@pytest.mark.parametrize("name", SETS)
def test_secrets_are_read_by_name_or_not_at_all(helm: Helm, name: str) -> None:
    for role, rule in rules(helm, name):
        if any(resource.split("/")[0] == "secrets" for resource in rule["resources"]):
            assert rule["verbs"] == ["get"], role
            assert rule["resourceNames"], role


@pytest.mark.parametrize("name", SETS)
def test_nobody_gets_into_a_pod_or_becomes_somebody_else(helm: Helm, name: str) -> None:
    refused = {
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/ephemeralcontainers",
        "serviceaccounts/token",
    }
    refused |= {"roles", "clusterroles", "rolebindings", "clusterrolebindings", "nodes/proxy", "nodes"}
    for role, rule in rules(helm, name):
        assert not refused & set(rule["resources"]), role
        assert not {"impersonate", "escalate", "bind", "deletecollection", "delete"} & set(rule["verbs"]), (
            role
        )


@pytest.mark.parametrize("name", SETS)
def test_what_is_written_is_little(helm: Helm, name: str) -> None:
    written = {
        (resource, verb)
        for _, rule in rules(helm, name)
        for resource in rule["resources"]
        for verb in set(rule["verbs"]) - {"get", "list", "watch"}
    }
    assert written <= {
        ("workflows", "update"),  # of the bridge, where an Argo Server acts with its rights
        ("workflowtasksets/status", "patch"),
        ("workflowtaskresults", "create"),
        ("workflowtaskresults", "patch"),
        ("leases", "create"),
        ("leases", "update"),
        ("tokenreviews", "create"),
    }


@pytest.mark.parametrize("name", sorted(set(SETS) - {"cluster-wide"}))
def test_rights_end_at_the_namespaces_that_are_named(helm: Helm, name: str) -> None:
    objects = rendered(helm, name)
    found = {each["metadata"]["name"] for each in of_kind(objects, "ClusterRole", "ClusterRoleBinding")}
    assert found <= CLUSTER_ROLES
    if name in ("default", "plugin", "logs-only", "bridge-only"):
        assert found == set()


def test_a_default_install_has_no_object_outside_of_its_namespace(helm: Helm) -> None:
    assert {each["metadata"]["namespace"] for each in rendered(helm, "default")} == {"crossover"}


@pytest.mark.parametrize("name", SETS)
def test_every_pod_is_restricted(helm: Helm, name: str) -> None:
    for item, pod in pods(rendered(helm, name)):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), item
        context = pod["securityContext"]
        assert context["runAsNonRoot"], item
        assert context["runAsUser"] == context["runAsGroup"] == 65532, item
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, item
        kinds = {kind for volume in pod["volumes"] for kind in volume.keys() - {"name"}}
        assert kinds <= {"emptyDir", "configMap", "secret", "projected"}, item


@pytest.mark.parametrize("name", SETS)
def test_every_container_is_restricted_and_bounded(helm: Helm, name: str) -> None:
    for item, pod in pods(rendered(helm, name)):
        for container in containers(pod):
            context = container["securityContext"]
            assert context["capabilities"] == {"drop": ["ALL"]}, item
            assert context["readOnlyRootFilesystem"], item
            assert context["runAsNonRoot"], item
            assert not context["allowPrivilegeEscalation"], item
            assert not context["privileged"], item
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}, item
            resources = {"cpu", "memory", "ephemeral-storage"}
            assert container["resources"]["limits"].keys() == resources, item
            assert container["resources"]["requests"].keys() == resources, item


@pytest.mark.parametrize("name", SETS)
def test_only_what_talks_to_kubernetes_has_a_token_for_it(helm: Helm, name: str) -> None:
    objects = rendered(helm, name)
    with_token = {item for item, pod in pods(objects) if pod["automountServiceAccountToken"]}
    assert with_token <= TALK_TO_KUBERNETES
    for account in of_kind(objects, "ServiceAccount"):
        if account["metadata"]["name"] != "crossover-step":  # Argo's executor needs it
            assert account["automountServiceAccountToken"] is False, title(account)


def test_a_bridge_that_talks_to_no_kubernetes_has_no_token(helm: Helm) -> None:
    ((_, pod),) = pods(rendered(helm, "bridge-only"))
    assert pod["automountServiceAccountToken"] is False
    (volume,) = [each for each in pod["volumes"] if each["name"] == "cluster"]
    assert volume == {"name": "cluster", "configMap": {"name": "kube-root-ca.crt"}}


@pytest.mark.parametrize("name", SETS)
def test_no_object_holds_a_secret(helm: Helm, name: str) -> None:
    for secret in of_kind(rendered(helm, name), "Secret"):
        assert secret["type"] == "kubernetes.io/service-account-token"
        assert not {"data", "stringData"} & secret.keys()
    for item, pod in pods(rendered(helm, name)):
        for container in containers(pod):
            named = [each["name"] for each in container.get("env", []) if "valueFrom" in each]
            assert named in ([], ["CROSSOVER_ARGO_UID"]), item


@pytest.mark.parametrize("name", SETS)
def test_a_pod_has_longer_to_end_than_its_process_takes(helm: Helm, name: str) -> None:
    for item, pod in pods(rendered(helm, name)):
        for variable in (each for container in pod["containers"] for each in container["env"]):
            if variable["name"].endswith("_SHUTDOWN_GRACE"):
                assert pod["terminationGracePeriodSeconds"] >= float(variable["value"]) + 10, item


@pytest.mark.parametrize("name", SETS)
def test_a_service_is_never_without_a_pod_during_an_upgrade(helm: Helm, name: str) -> None:
    trials = {"crossover-redis", "crossover-temporal", "crossover-worker"}
    for each in of_kind(rendered(helm, name), "Deployment"):
        if each["metadata"]["name"] not in trials:
            assert each["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
