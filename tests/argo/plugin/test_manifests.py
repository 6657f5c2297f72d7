"""plugin.yaml, and the ConfigMap that `argo executor-plugin build` makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from crossover.cli.plugin.settings import AGENT_TOKEN, VARIABLES, read_settings

HERE = Path(__file__).parent
FOLDER = HERE.parents[2] / "argo_templates" / "plugin"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


PLUGIN: dict[str, Any] = documents("plugin.yaml")[0]
SIDECAR = PLUGIN["spec"]["sidecar"]
CONTAINER = SIDECAR["container"]


def built() -> dict[str, Any]:
    """By the rules of workflow/util/plugin/configmap.go (`ToConfigMap`)."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{PLUGIN['metadata']['name']}-executor-plugin",
            "labels": {"workflows.argoproj.io/configmap-type": PLUGIN["kind"]},
        },
        "data": {
            "sidecar.automountServiceAccountToken": str(SIDECAR["automountServiceAccountToken"]).lower(),
            "sidecar.container": yaml.safe_dump(CONTAINER, sort_keys=True),
        },
    }


def test_the_config_map_is_what_the_plugin_says() -> None:
    assert documents("configmap.yaml") == [built()]


def test_the_plugin_has_what_argo_insists_on() -> None:
    """pkg/plugins/spec/plugin_types.go (`Validate`)."""
    assert CONTAINER["ports"][0]["containerPort"] == 4355
    assert CONTAINER["resources"].keys() == {"requests", "limits"}
    assert CONTAINER["securityContext"]


def test_the_sidecar_fits_the_restricted_pod_security_standard() -> None:
    context = CONTAINER["securityContext"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["runAsNonRoot"] is True
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_the_sidecar_may_read_the_token_that_the_recorded_agent_writes() -> None:
    """Argo writes it for its owner and group alone (cmd/argoexec/commands/agent.go)."""
    pod = yaml.safe_load((HERE / "recordings" / "agent-pod.yaml").read_text())
    (init,) = pod["spec"]["initContainers"]
    assert CONTAINER["securityContext"]["runAsUser"] == init["securityContext"]["runAsUser"]
    (mount,) = pod["spec"]["containers"][0]["volumeMounts"]
    assert mount["subPath"] == pod["spec"]["containers"][0]["name"]
    assert Path(mount["mountPath"]) / "token" == AGENT_TOKEN


def test_every_variable_of_the_sidecar_is_a_setting() -> None:
    env = {each["name"]: each.get("value", "a-token") for each in CONTAINER["env"]}
    assert set(env) <= set(VARIABLES)
    settings = read_settings({**env, "CROSSOVER_PLUGIN_PORT": "tcp://10.0.0.1:80"})
    assert settings.listen_port == CONTAINER["ports"][0]["containerPort"]


def test_argos_controller_gets_one_right_and_no_other() -> None:
    role, binding = documents("rbac.yaml")
    assert role["rules"] == [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtasksets/status"], "verbs": ["patch"]}
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
