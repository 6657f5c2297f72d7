"""Names, probes, placement and network of what runs."""

from __future__ import annotations

import pytest

from tests.helm.chart import SETS, Helm, Object, Values, named, of_kind, rendered, values_of

TRIAL_PROGRAMS = {"redis", "temporal", "worker"}


def deployment(helm: Helm, name: str, component: str = "bridge") -> Object:
    return named(rendered(helm, name), "Deployment", f"crossover-{component}")


def container(item: Object) -> Object:
    found: Object = item["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.mark.parametrize(
    ("release", "values", "bridge"),
    [
        ("crossover", {}, "crossover-bridge"),
        ("acme", {}, "acme-crossover-bridge"),
        ("my-crossover", {}, "my-crossover-bridge"),
        ("acme", {"nameOverride": "steps"}, "acme-steps-bridge"),
        ("acme", {"fullnameOverride": "steps"}, "steps-bridge"),
    ],
)
def test_names_are_those_that_helm_charts_have(helm: Helm, release: str, values: Values, bridge: str) -> None:
    found = helm.render(values, release=release)
    assert bridge in {each["metadata"]["name"] for each in of_kind(found, "Service")}


@pytest.mark.parametrize("name", SETS)
def test_no_name_is_too_long_however_long_the_releases_is(helm: Helm, name: str) -> None:
    for each in helm.render(values_of(name), release="r" * 53, namespace="n" * 63):
        limit = 63 if each["kind"] in ("Service", "Deployment", "Pod", "ServiceAccount") else 253
        assert len(each["metadata"]["name"]) <= limit, each["metadata"]["name"]
        for value in each["metadata"]["labels"].values():
            assert len(value) <= 63, each["metadata"]["name"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "crossover:0.1.0"),
        ({"tag": "edge"}, "crossover:edge"),
        ({"registry": "registry.internal", "repository": "a/b"}, "registry.internal/a/b:0.1.0"),
        ({"digest": "sha256:" + "0" * 64}, "crossover@sha256:" + "0" * 64),
        ({"tag": "edge", "digest": "sha256:" + "0" * 64}, "crossover:edge@sha256:" + "0" * 64),
    ],
)
def test_an_image_is_named_by_its_parts(helm: Helm, image: dict[str, str], expected: str) -> None:
    for each in of_kind(helm.render({"image": image}), "Deployment"):
        assert container(each)["image"] == expected


def test_a_bridge_joins_its_service_when_it_has_reached_temporal_and_stays_while_it_answers(
    helm: Helm,
) -> None:
    bridge = container(deployment(helm, "default"))
    assert bridge["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert bridge["startupProbe"]["failureThreshold"] * bridge["startupProbe"]["periodSeconds"] >= 600
    assert bridge["readinessProbe"]["httpGet"]["path"] == "/healthz"
    other = named(helm.render({"bridge": {"readinessPath": "/readyz"}}), "Deployment", "crossover-bridge")
    assert container(other)["readinessProbe"]["httpGet"]["path"] == "/readyz"


@pytest.mark.parametrize("component", ["bridge", "log-streamer", "agent"])
def test_nobody_is_killed_for_what_is_away(helm: Helm, component: str) -> None:
    found = container(deployment(helm, "full", component))
    assert found["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert found["startupProbe"]["periodSeconds"] == 1  # ready within a second of being so


@pytest.mark.parametrize("component", ["bridge", "log-streamer"])
def test_a_pod_that_goes_away_serves_until_every_node_knows(helm: Helm, component: str) -> None:
    pod = deployment(helm, "full", component)["spec"]["template"]["spec"]
    pause = container(deployment(helm, "full", component))["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 1 <= pause < pod["terminationGracePeriodSeconds"] / 2
    assert "lifecycle" not in container(deployment(helm, "full", "agent"))


def test_where_a_pod_runs_is_the_operators_word(helm: Helm) -> None:
    given, pod = values_of("full")["bridge"], deployment(helm, "full")["spec"]["template"]
    for key in ("nodeSelector", "tolerations", "priorityClassName", "topologySpreadConstraints"):
        assert pod["spec"][key] == given[key]
    assert given["podLabels"].items() <= pod["metadata"]["labels"].items()
    assert given["podAnnotations"].items() <= pod["metadata"]["annotations"].items()
    assert given["extraEnv"][0] in pod["spec"]["containers"][0]["env"]
    assert given["extraVolumes"][0] in pod["spec"]["volumes"]
    assert given["extraVolumeMounts"][0] in pod["spec"]["containers"][0]["volumeMounts"]


def test_replicas_spread_by_themselves_unless_somebody_says_otherwise(helm: Helm) -> None:
    affinity = deployment(helm, "full")["spec"]["template"]["spec"]["affinity"]
    (term,) = affinity["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    node: Object = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    }
    other = named(helm.render({"bridge": {"affinity": node}}), "Deployment", "crossover-bridge")
    assert other["spec"]["template"]["spec"]["affinity"] == node


def test_where_there_is_autoscaling_nobody_else_counts_replicas(helm: Helm) -> None:
    assert "replicas" not in deployment(helm, "cluster-wide")["spec"]
    (scaler,) = of_kind(rendered(helm, "cluster-wide"), "HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["name"] == "crossover-bridge"
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (3, 6)


def ports_out(policy: Object) -> set[int]:
    found: set[int] = {port["port"] for rule in policy["spec"]["egress"] for port in rule.get("ports", [])}
    return found - {53}


@pytest.mark.parametrize(
    ("values", "component", "ports"),
    [
        # Temporal, Redis (also as Sentinel's), the Argo Server, the issuer, the API server, the collector.
        ("full", "bridge", {7233, 6380, 6379, 2746, 443, 6443, 4318}),
        ("full", "log-streamer", {8787, 6380, 6379, 2746, 443, 6443, 4318}),
        ("full", "agent", {7233, 6380, 6379, 443, 6443, 4318}),
        ("trial", "bridge", {7233, 6379, 443, 6443}),
        ("trial", "worker", {7233}),
        ("trial", "test", {8787}),
        ("trial", "redis", set()),
        ("trial", "temporal", set()),
        ("logs-only", "log-streamer", {443, 6443}),
    ],
)
def test_each_component_reaches_the_ports_that_it_needs(
    helm: Helm, values: str, component: str, ports: set[int]
) -> None:
    assert ports_out(named(rendered(helm, values), "NetworkPolicy", f"crossover-{component}")) == ports


def callers(policy: Object) -> set[str]:
    """Namespaces that may call; `*` for all."""
    return {
        name
        for rule in policy["spec"].get("ingress", [])
        for peer in rule["from"]
        for name in (peer.get("namespaceSelector") or {"matchExpressions": [{"values": ["*"]}]})[
            "matchExpressions"
        ][0]["values"]
        if "namespaceSelector" in peer
    }


@pytest.mark.parametrize(
    ("values", "component", "namespaces"),
    [
        ("full", "bridge", {"monitoring", "argo-acme", "argo-globex", "ingress", "crossover"}),
        ("full", "log-streamer", {"monitoring", "ingress", "crossover"}),
        ("full", "agent", {"monitoring"}),
        ("full", "test", set()),
        ("cluster-wide", "bridge", {"monitoring", "*"}),
        ("cluster-wide", "agent", {"monitoring"}),
        ("trial", "worker", set()),
        ("trial", "temporal", {"crossover"}),
        ("trial", "redis", set()),
    ],
)
def test_each_component_is_called_by_those_that_have_reason_to(
    helm: Helm, values: str, component: str, namespaces: set[str]
) -> None:
    assert callers(named(rendered(helm, values), "NetworkPolicy", f"crossover-{component}")) == namespaces


def test_http_templates_reach_all_but_the_networks_that_are_refused(helm: Helm) -> None:
    policy = named(rendered(helm, "full"), "NetworkPolicy", "crossover-agent")
    blocks = [peer["ipBlock"] for rule in policy["spec"]["egress"] for peer in rule.get("to", [])]
    assert {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]} in blocks
    values = values_of("full")
    values["agent"]["http"] = False
    without = named(helm.render(values), "NetworkPolicy", "crossover-agent")
    assert [rule for rule in without["spec"]["egress"] if "to" in rule] == values["networkPolicy"][
        "extraEgress"
    ]


def test_the_trials_programs_are_there_only_for_trials(helm: Helm) -> None:
    for name in set(SETS) - {"trial"}:
        found = of_kind(rendered(helm, name), "Deployment")
        assert not TRIAL_PROGRAMS & {
            each["metadata"]["labels"]["app.kubernetes.io/component"] for each in found
        }
