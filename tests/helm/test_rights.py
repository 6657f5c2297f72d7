"""The chart's rights are those that argo_templates and the docs ship."""

from __future__ import annotations

import re

import pytest
import yaml

from bridge.argo.agent.election import lease_name
from tests.helm.chart import ROOT, TEMPLATES, Helm, Object, named, of_kind, rendered

Rule = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]


def rules_of(role: Object) -> set[Rule]:
    keys = ("apiGroups", "resources", "resourceNames", "verbs")
    return {
        (groups, resources, by_name, verbs)
        for rule in role["rules"]
        for groups, resources, by_name, verbs in [tuple(tuple(sorted(rule.get(key, []))) for key in keys)]
    }


def shipped(file: str, name: str) -> set[Rule]:
    documents = list(yaml.safe_load_all((TEMPLATES / file).read_text()))
    (role,) = [each for each in of_kind(documents, "Role", "ClusterRole") if each["metadata"]["name"] == name]
    return rules_of(role)


def ours(helm: Helm, values: str, name: str) -> list[set[Rule]]:
    found = of_kind(rendered(helm, values), "Role", "ClusterRole")
    return [rules_of(each) for each in found if each["metadata"]["name"] == name]


ROWS = [
    # set of values, role, how many, file of argo_templates, role there
    ("full", "crossover-agent", 2, "agent/rbac.yaml", "crossover-agent"),
    ("full", "crossover-agent-election", 1, "agent/rbac.yaml", "crossover-agent-election"),
    ("full", "crossover-argo-controller", 2, "agent/rbac.yaml", "crossover-argo-controller"),
    ("full", "crossover-step", 2, "rbac.yaml", "crossover-step"),
    ("cluster-wide", "crossover-crossover-agent", 1, "agent/cluster-rbac.yaml", "crossover-agent"),
    (
        "cluster-wide",
        "crossover-crossover-argo-controller",
        1,
        "agent/cluster-rbac.yaml",
        "crossover-argo-controller",
    ),
    ("plugin", "crossover-argo-controller", 1, "plugin/rbac.yaml", "crossover-argo-controller"),
]


@pytest.mark.parametrize(("values", "role", "count", "file", "original"), ROWS)
def test_a_role_is_the_one_of_argo_templates(
    helm: Helm, values: str, role: str, count: int, file: str, original: str
) -> None:
    found = ours(helm, values, role)
    assert len(found) == count
    assert all(each == shipped(file, original) for each in found)


def test_argos_agent_pod_has_the_shipped_rights_and_the_secret_that_is_named(helm: Helm) -> None:
    expected = {
        (groups, resources, tuple("bridge-header" for _ in by_name), verbs)
        for groups, resources, by_name, verbs in shipped("agent-pod-rbac.yaml", "crossover-agent-pod")
    }
    assert ours(helm, "plugin", "crossover-step-agent-pod") == [expected]
    secret = named(rendered(helm, "plugin"), "Secret", "crossover-step.service-account-token")
    documents = list(yaml.safe_load_all((TEMPLATES / "agent-pod-rbac.yaml").read_text()))
    (original,) = of_kind(documents, "Secret")
    assert secret["metadata"]["annotations"] == original["metadata"]["annotations"]
    assert secret["type"] == original["type"]


def test_the_zero_pod_agent_may_read_the_header_in_place_of_argos(helm: Helm) -> None:
    rule = (("",), ("secrets",), ("crossover-token", "my-token"), ("get",))
    assert ours(helm, "full", "crossover-agent-secrets") == [{rule}, {rule}]
    assert ours(helm, "full", "crossover-step-agent-pod") == []


def documented_role() -> Object:
    """The one that a page of docs/ shows, for installs without the chart."""
    blocks = [
        block
        for page in (ROOT / "docs").glob("*.md")
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    ]
    (found,) = [block for block in blocks if "kind: Role\nmetadata: {name: crossover-log-streamer}" in block]
    role: Object = yaml.safe_load(found)
    return role


def test_the_log_streamers_rights_are_those_that_the_docs_show(helm: Helm) -> None:
    expected = rules_of(documented_role())
    everywhere = [each for each in ours(helm, "full", "crossover-log-streamer") if len(each) == 3]
    assert everywhere == [expected, expected]
    (only_pods,) = [each for each in ours(helm, "full", "crossover-log-streamer") if len(each) == 2]
    assert only_pods == {rule for rule in expected if rule[1] != ("workflows",)}


@pytest.mark.parametrize(
    ("values", "verbs"), [("default", ("get",)), ("trial", ("get",)), ("plugin", ("get", "update"))]
)
def test_the_bridge_reads_workflows_and_changes_them_only_through_an_argo_server(
    helm: Helm, values: str, verbs: tuple[str, ...]
) -> None:
    assert ours(helm, values, "crossover-bridge") == [{(("argoproj.io",), ("workflows",), (), verbs)}]


def test_with_a_token_of_its_own_for_the_argo_server_the_bridge_needs_no_role(helm: Helm) -> None:
    assert ours(helm, "full", "crossover-bridge") == []


@pytest.mark.parametrize(("values", "shards"), [("full", 1), ("cluster-wide", 2)])
def test_each_share_of_the_agent_has_the_lease_that_it_asks_for(helm: Helm, values: str, shards: int) -> None:
    expected = [lease_name()] if shards == 1 else [lease_name(each, shards) for each in range(shards)]
    leases = [each["metadata"]["name"] for each in of_kind(rendered(helm, values), "Lease")]
    assert leases == expected
    (election,) = ours(helm, values, "crossover-agent-election")
    assert (("coordination.k8s.io",), ("leases",), tuple(expected), ("get", "update")) in election
    deployments = [
        each
        for each in of_kind(rendered(helm, values), "Deployment")
        if each["metadata"]["labels"]["app.kubernetes.io/component"] == "agent"
    ]
    told = [
        variable["value"]
        for each in deployments
        for variable in each["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"] == "CROSSOVER_AGENT_SHARD"
    ]
    assert told == [f"{each}/{shards}" for each in range(shards)]
