"""The validator finds what it is for: each row breaks the shipped files in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.argo_templates.validator import findings

ROOT = Path(__file__).parents[2] / "argo_templates"
README = (ROOT / "README.md").read_text()
SHIPPED = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.rglob("*.yaml"))}

CALLBACK = "callback/workflow-template.yaml"
PLUGIN = "plugin/workflow-template.yaml"
GATED = "examples/gated-remediation.yaml"


def test_what_is_shipped_has_nothing_wrong_with_it() -> None:
    assert findings(SHIPPED, README) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        (CALLBACK, "{{retries}}", "{{inputs.parameters.tries}}", "{{inputs.parameters.tries}} has no value"),
        (CALLBACK, "inputs.parameters['on-cancel']", "inputs.parameters['on-stop']",
         "{{inputs.parameters.on-stop}} has no value"),
        (CALLBACK, "steps.start.outputs.result", "steps.begin.outputs.result",
         "{{steps.begin.outputs.result}} has no value"),
        (CALLBACK, "{{steps.wait.outputs.parameters.view}}", "{{steps.wait.outputs.parameters.sight}}",
         "{{steps.wait.outputs.parameters.sight}} has no value"),
        (GATED, "tasks.classify.outputs.parameters.result, '$.confidence'",
         "tasks.verify.outputs.parameters.result, '$.confidence'",
         "{{tasks.verify.outputs.parameters.result}} has no value"),
        (GATED, "name: crossover-approval", "name: crossover-yes", "no WorkflowTemplate 'crossover-yes'"),
        ("crossover-or-legacy/cluster-workflow-template.yaml", "name: crossover-step", "name: crossover-stop",
         "no ClusterWorkflowTemplate 'crossover-stop'"),
        (GATED, "serviceAccountName: crossover-step", "serviceAccountName: nobody",
         "no file here has the ServiceAccount nobody"),
        (CALLBACK, "name: crossover-token", "name: crossover-key",
         "neither a file nor the README makes the Secret crossover-key"),
        ("agent-pod-rbac.yaml", "kind: Role\n  name: crossover-agent-pod", "kind: Role\n  name: agent",
         "no file here has the Role agent"),
        (CALLBACK, "timeoutSeconds: 30", "timeout: 30", "http.timeout is no key that Argo knows here"),
        (CALLBACK, "suspend: {}", "suspend: {until: noon}", "suspend.until is no key that Argo knows here"),
        (PLUGIN, "on_cancel:", "on_stop:", "plugin.crossover.on_stop: is unknown"),
        (PLUGIN, "      plugin:\n", "      plugin:\n        other: {}\n", "needs one plugin's name"),
        (PLUGIN, "scope: \"{{inputs.parameters.scope}}\"", "scope: n", "False is no text: quote it"),
        (PLUGIN, "- name: scope", "- name: n", "YAML reads 'n' as false; put it in quotes"),
        (GATED, "value: INC-1", "value: on", "on is read as true; put it in quotes"),
        ("step/workflow-template.yaml", "enum: [node, attempt]", "enum: [n, attempt]", "n is read as false"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(file: str, before: str, after: str, said: str) -> None:
    assert before in SHIPPED[file]
    broken = {**SHIPPED, file: SHIPPED[file].replace(before, after, 1)}
    assert said in "\n".join(findings(broken, README))
