"""What the chart copies of argo_templates is what is there, filled in as `crossover template render` does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from crossover.cli.template.modes import MODES
from crossover.cli.template.render import Wanted
from crossover.cli.template.render import rendered as filled_in
from tests.helm.chart import CHART, TEMPLATES, Helm, Object, named, of_kind, rendered, values_of

COPIES = {
    **{f"workflow-templates/{mode}.yaml": f"{mode}/workflow-template.yaml" for mode in MODES},
    "executor-plugin.yaml": "plugin/configmap.yaml",
    "admission-policy.yaml": "agent/admission-policy.yaml",
}
BRIDGE = "http://crossover-bridge.crossover:8787"
FULL_IMAGE = (
    "registry.internal/platform/crossover"
    "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)


@pytest.mark.parametrize(("copy", "original"), COPIES.items())
def test_a_copied_file_is_the_one_of_argo_templates(copy: str, original: str) -> None:
    said = f"cp argo_templates/{original} helm/crossover/files/{copy}"
    assert (CHART / "files" / copy).read_bytes() == (TEMPLATES / original).read_bytes(), said


def test_nothing_else_is_copied() -> None:
    files = {each.relative_to(CHART / "files").as_posix() for each in (CHART / "files").rglob("*.yaml")}
    assert files == set(COPIES)


def shipped(mode: str, **wanted: Any) -> Object:
    text = filled_in(MODES[mode].text(), MODES[mode].template, Wanted(**wanted))
    document: Object = yaml.safe_load(text)
    return document


def templates(helm: Helm, name: str) -> list[Object]:
    return of_kind(rendered(helm, name), "WorkflowTemplate", "ClusterWorkflowTemplate")


@pytest.mark.parametrize("mode", values_of("full")["workflowTemplates"]["modes"])
@pytest.mark.parametrize("namespace", ["argo-acme", "argo-globex"])
def test_a_template_is_what_the_command_renders(helm: Helm, mode: str, namespace: str) -> None:
    (found,) = [
        each
        for each in templates(helm, "full")
        if each["metadata"]["name"] == MODES[mode].template and each["metadata"]["namespace"] == namespace
    ]
    expected = shipped(mode, image=FULL_IMAGE, defaults={"bridge": BRIDGE})
    assert found["kind"] == expected["kind"]
    assert found["spec"] == with_pull_policy(expected["spec"], "Always")


def with_pull_policy(spec: Any, policy: str) -> Any:
    if isinstance(spec, dict):
        filled = {key: with_pull_policy(value, policy) for key, value in spec.items()}
        return filled | ({"imagePullPolicy": policy} if "imagePullPolicy" in filled else {})
    return [with_pull_policy(each, policy) for each in spec] if isinstance(spec, list) else spec


@pytest.mark.parametrize("mode", values_of("cluster-wide")["workflowTemplates"]["modes"])
def test_for_the_whole_cluster_they_are_cluster_workflow_templates(helm: Helm, mode: str) -> None:
    found = named(rendered(helm, "cluster-wide"), "ClusterWorkflowTemplate", MODES[mode].template)
    expected = shipped(mode, cluster=True, image="crossover:0.1.0", defaults={"bridge": BRIDGE})
    assert "namespace" not in found["metadata"]
    assert found["spec"] == expected["spec"]


def test_a_bridge_elsewhere_is_where_templates_look_for_it(helm: Helm) -> None:
    values = values_of("logs-only") | {
        "workflowTemplates": {"enabled": True, "modes": ["step"], "stepToken": {"secretName": "token"}}
    }
    (found,) = of_kind(helm.render(values), "WorkflowTemplate")
    (bridge,) = [
        each for each in found["spec"]["templates"][0]["inputs"]["parameters"] if each["name"] == "bridge"
    ]
    assert bridge["default"] == "https://bridge.example"


def test_a_static_token_takes_the_place_of_the_pods_own(helm: Helm) -> None:
    found = named(rendered(helm, "plugin"), "WorkflowTemplate", "crossover-step")
    expected = shipped("step", image="crossover:0.1.0", defaults={"bridge": BRIDGE})["spec"]
    volumes = expected["templates"][0]["volumes"]
    assert volumes[1]["name"] == "crossover-token"
    volumes[1] = {
        "name": "crossover-token",
        "secret": {"secretName": "step-token", "items": [{"key": "bridge", "path": "token"}]},
    }
    assert found["spec"] == expected


def test_another_audience_is_that_of_all_step_pods(helm: Helm) -> None:
    values = values_of("cluster-wide")
    values["identity"]["audience"] = "bridges"
    for found in of_kind(helm.render(values), "ClusterWorkflowTemplate"):
        tokens = [
            each["projected"]["sources"][0]["serviceAccountToken"]["audience"]
            for template in found["spec"]["templates"]
            for each in template.get("volumes", [])
            if "projected" in each
        ]
        assert set(tokens) <= {"bridges"}
        assert tokens or found["metadata"]["name"] == "crossover-agent"


@pytest.mark.parametrize("mode", ["callback", "approval"])
def test_requests_send_the_secret_that_is_named(helm: Helm, mode: str) -> None:
    found = named(rendered(helm, "plugin"), "WorkflowTemplate", MODES[mode].template)
    expected = shipped(mode, secret="bridge-header", defaults={"bridge": BRIDGE})
    assert found["spec"] == expected["spec"]


def test_the_executor_plugin_is_the_shipped_one_with_our_image_and_secret(helm: Helm) -> None:
    found = named(rendered(helm, "plugin"), "ConfigMap", "crossover-executor-plugin")
    shipped_one = yaml.safe_load((TEMPLATES / "plugin/configmap.yaml").read_text())
    container = yaml.safe_load(shipped_one["data"].pop("sidecar.container"))
    ours = yaml.safe_load(found["data"].pop("sidecar.container"))
    container["image"] = "crossover:0.1.0"
    container["env"][1]["valueFrom"]["secretKeyRef"] = {"name": "plugin-token", "key": "bridge"}
    assert ours == container
    assert found["data"] == shipped_one["data"]
    assert shipped_one["metadata"]["labels"].items() <= found["metadata"]["labels"].items()
    assert found["metadata"]["namespace"] == "argo-acme"


def test_the_policy_is_the_shipped_one_for_our_own_agent(helm: Helm) -> None:
    ours = of_kind(rendered(helm, "full"), "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    policy, binding = yaml.safe_load_all((TEMPLATES / "agent/admission-policy.yaml").read_text())
    user = "'^system:serviceaccount:crossover:crossover-agent$'"
    policy["spec"]["matchConditions"][0]["expression"] = f"request.userInfo.username.matches({user})"
    binding["spec"]["policyName"] = ours[0]["metadata"]["name"] = "crossover-crossover-agent"
    assert [each["spec"] for each in ours] == [policy["spec"], binding["spec"]]
