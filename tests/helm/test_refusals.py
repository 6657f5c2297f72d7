"""Values that contradict each other are refused with a sentence: each of them, by name."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from tests.helm.chart import CHART, Helm, Refused, Values

REDIS = {"url": "redis://redis:6379/0"}
ACME = {"acme": {"argo_namespaces": ["argo-acme"]}}
ACCOUNT = {"namespace": "argo-acme", "tenant": "acme", "role": "operator"}
KUBERNETES = {"auth": "kubernetes", "kubernetes": {"service_accounts": [ACCOUNT]}}
AGENT = {"argo": {"namespaces": ["argo-acme"]}, "tenants": ACME}
SERVER = {"access": "server", "serverUrl": "https://argo-server.argo:2746"}


def templates(*modes: str, **more: Any) -> Values:
    return {"enabled": True, "modes": list(modes), **more}


REFUSALS: list[tuple[Values, str]] = [
    ({"identity": {"auth": "none"}}, "identity.auth=none makes everyone an administrator"),
    ({"identity": {"tokens": {"secretName": ""}}}, "identity.tokens.secretName names no Secret"),
    ({"identity": {"auth": "kubernetes"}}, "identity.kubernetes.service_accounts lists none"),
    (
        {"identity": {"kubernetes": {"service_accounts": [ACCOUNT]}}},
        "identity.kubernetes.service_accounts is set, but identity.auth has no kubernetes",
    ),
    ({"identity": {"auth": "oidc"}}, "identity.auth has oidc, but identity.oidc lists no issuer"),
    (
        {"identity": {"oidc": [{"issuer": "https://login.example", "audience": "crossover"}]}},
        "identity.oidc is set, but identity.auth has no oidc",
    ),
    (
        {"identity": {"session": {"bridgeUrl": "https://bridge.example"}}},
        "without identity.session.key.secretName there are no sessions",
    ),
    ({"redis": {**REDIS, "server": {"enabled": True}}}, "redis.url and redis.server.enabled contradict"),
    ({"redis": {"url": "redis://:secret@redis:6379"}}, "redis.url holds a password"),
    ({"redis": {"url": "redis+sentinel://u:secret@a:1,b:2/m"}}, "redis.url holds a password"),
    (
        {"redis": {"server": {"enabled": True}, "password": {"secretName": "redis"}}},
        "redis.server has neither a password nor TLS",
    ),
    (
        {"redis": {"password": {"secretName": "redis"}}},
        "redis.password or redis.ca is set, but redis.url names no Redis",
    ),
    ({"redis": {**REDIS, "ca": {"secretName": "ca"}}}, "redis.ca is set, but redis.url does not speak TLS"),
    (
        {"flags": {"document": {"flags": {}}, "configMap": "flags"}},
        "flags.document and flags.configMap contradict",
    ),
    (
        {"temporal": {"address": "temporal:7233", "devServer": {"enabled": True}}},
        "temporal.address and temporal.devServer.enabled contradict",
    ),
    (
        {"temporal": {"devServer": {"enabled": True}, "tls": {"enabled": True}}},
        "temporal.devServer has neither TLS nor API keys",
    ),
    (
        {"temporal": {"tls": {"ca": {"secretName": "ca"}}}},
        "temporal.tls has settings, but temporal.tls.enabled is false",
    ),
    (
        {"temporal": {"tls": {"enabled": True, "client": {"secretName": "client", "keyKey": ""}}}},
        "temporal.tls.client needs both certKey and keyKey",
    ),
    ({"argo": {"access": "server"}}, "argo.access=server needs argo.serverUrl"),
    ({"argo": {"serverUrl": SERVER["serverUrl"]}}, "argo.serverUrl is set, but nobody uses it"),
    (
        {"logStreamer": {"argoToken": {"secretName": "argo"}}},
        "logStreamer.argoToken is set, but argo.serverUrl names no Argo Server",
    ),
    ({"argo": {"token": {"secretName": "argo"}}}, "argo.token is for argo.access=server"),
    ({"agent": {"enabled": True}}, "agent.enabled needs argo.namespaces"),
    ({"agent": {"enabled": True}, **AGENT, "plugin": {"enabled": True}}, "agent.enabled and plugin.enabled"),
    (
        {"agent": {"enabled": True}, "argo": {"namespaces": ["argo-acme"]}},
        "agent.enabled needs a tenant with argo_namespaces",
    ),
    ({"plugin": {"enabled": True}}, "plugin.enabled needs argo.namespaces"),
    (
        {"plugin": {"enabled": True}, **AGENT, "identity": KUBERNETES},
        "plugin.enabled needs tokens in identity.auth",
    ),
    (
        {"bridge": {"enabled": False}, "tests": {"enabled": True, "token": {"secretName": "test"}}},
        "Without bridge.enabled, templates, plugin and tests need bridge.url",
    ),
    ({"bridge": {"url": "https://bridge.example"}}, "bridge.url is for a bridge elsewhere"),
    ({"tenants": {"acme": {}}}, "tenants.acme needs argo_namespaces"),
    ({"tenants": {"acme": {"argo_namespaces": ["argo-*"]}}}, "has the pattern argo-*"),
    ({"tenants": ACME}, "tenants.acme.argo_namespaces names argo-acme, where nothing here has rights"),
    (
        {"workflowTemplates": templates("crossover-or-legacy")},
        "crossover-or-legacy, which calls the template of step",
    ),
    (
        {"workflowTemplates": templates("step")},
        "workflowTemplates.modes has step, whose pods have tokens of their service accounts",
    ),
    (
        {"workflowTemplates": templates("callback")},
        "callback or approval, whose nodes only an Argo Server can complete",
    ),
    (
        {"workflowTemplates": templates("approval")},
        "callback or approval, whose nodes only an Argo Server can complete",
    ),
    ({"workflowTemplates": templates("agent")}, "has agent, but agent.enabled is false"),
    ({"workflowTemplates": templates("plugin")}, "has plugin, but plugin.enabled is false"),
    (
        {"trial": {"worker": {"enabled": True}}, "temporal": {"tls": {"enabled": True}}},
        "trial.worker speaks to Temporal without TLS",
    ),
    ({"tests": {"enabled": True}}, "tests.enabled needs tests.tenant, or tests.token.secretName"),
    (
        {"tests": {"enabled": True, "tenant": "acme", "token": {"secretName": "test"}}},
        "tests.tenant and tests.token contradict",
    ),
    ({"tests": {"enabled": True, "tenant": "acme"}}, "tests.tenant is for identity.auth=kubernetes"),
    *(
        (values, sentence.format(key))
        for key in ("bridge", "logStreamer")
        for values, sentence in (
            (
                {key: {"replicas": 2, "autoscaling": {"enabled": True}}, "redis": REDIS},
                "{0}.replicas and {0}.autoscaling contradict",
            ),
            (
                {key: {"autoscaling": {"enabled": True, "minReplicas": 5}}, "redis": REDIS},
                "{0}.autoscaling.minReplicas is above maxReplicas",
            ),
            ({key: {"replicas": 2}}, "{0} with more than one replica needs Redis"),
            ({key: {"autoscaling": {"enabled": True}}}, "{0} with more than one replica needs Redis"),
            ({key: {"pdb": {"enabled": True}}}, "{0}.pdb on a single replica"),
        )
    ),
    ({"agent": {"enabled": True, "pdb": {"enabled": True}}, **AGENT}, "agent.pdb on a single replica"),
]

OLD_KUBERNETES = "agent.admissionPolicy needs Kubernetes 1.30 or newer"


@cache
def said_of(helm: Helm, row: int) -> str:
    with pytest.raises(Refused) as refused:
        helm.render(REFUSALS[row][0])
    return str(refused.value)


def ids(row: object) -> str:
    return re.sub(r"\W+", "-", row)[:70] if isinstance(row, str) else ""


@pytest.mark.parametrize(("values", "sentence"), REFUSALS, ids=ids)
def test_values_that_contradict_each_other_are_refused(helm: Helm, values: Values, sentence: str) -> None:
    assert sentence in said_of(helm, REFUSALS.index((values, sentence)))


def test_the_policy_is_refused_where_kubernetes_does_not_know_it(helm: Helm) -> None:
    values = {"agent": {"enabled": True}, **AGENT}
    with pytest.raises(Refused, match=OLD_KUBERNETES):
        helm.render(values, kubernetes="1.29.0")
    assert helm.render({**values, "agent": {"enabled": True, "admissionPolicy": False}}, kubernetes="1.29.0")


def test_an_older_kubernetes_than_the_supported_one_is_refused(helm: Helm) -> None:
    with pytest.raises(Refused, match=r"chart requires kubeVersion: >=1\.28-0"):
        helm.render({}, kubernetes="1.27.9")


def sentences() -> list[str]:
    """All that the chart can say, as its templates have them."""
    text = (CHART / "templates/_validate.tpl").read_text()
    return re.findall(r'fail \(?(?:printf )?"((?:[^"\\]|\\.)*)"', text)


def test_every_sentence_of_the_chart_is_one_that_is_tested(helm: Helm) -> None:
    said = "".join(said_of(helm, number) for number in range(len(REFUSALS)))
    patterns = {each: re.escape(each).replace("%s", r"\S+") for each in sentences()}
    assert len(patterns) > 30
    unsaid = [each for each, pattern in patterns.items() if not re.search(pattern, said)]
    assert [each for each in unsaid if not each.startswith(OLD_KUBERNETES)] == []


def test_every_sentence_is_one() -> None:
    assert [each for each in sentences() if not each.endswith(".") or "  " in each] == []
