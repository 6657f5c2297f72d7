"""Headers from Secrets, read from a real API server with rights of the agent's own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from bridge.argo.agent.http.tasks import HttpTasks
from bridge.argo.node import Node
from crossover.kubernetes.access import from_kubeconfig, from_url
from crossover.kubernetes.client import KubernetesClient
from testbed.kubernetes.admin import ROLE_BINDINGS, ROLES, Admin
from testbed.ports import free_port
from tests.argo.agent.accounts import AGENT, SECRETS, allowed, apply_file, kubeconfig_of
from tests.argo.agent.test_http import LOOPBACK
from tests.argo.agent.web import Web, served
from tests.argo.conftest import Cluster

RBAC = "rbac.authorization.k8s.io"


@pytest.fixture
async def web() -> AsyncGenerator[Web, None]:
    async with served() as server:
        yield server


@pytest.fixture
async def made(
    control_plane: Cluster, admin: Admin, namespace: str, tmp_path: Path
) -> AsyncGenerator[HttpTasks, None]:
    """The agent of rbac.yaml, with the right to one of two secrets."""
    await apply_file(admin, "rbac.yaml", namespace)
    for name in ("granted", "other"):
        data = {"token": "Bearer hunter2", "lines": "a\r\nX-Evil: 1"}
        body = {
            "metadata": {"name": name},
            "stringData": data,
            "data": {"bytes": b64encode(b"\xff").decode()},
        }
        await admin.create(SECRETS, body, namespace)
    await grant(admin, namespace, "granted")
    path = await kubeconfig_of(admin, control_plane.kubeconfig, AGENT, namespace, tmp_path)
    async with Admin.connected(path) as agent:
        await allowed(lambda: agent.get(SECRETS, "granted", namespace))
    api = KubernetesClient(from_kubeconfig(path))
    tasks = HttpTasks(api, allow=LOOPBACK)
    yield tasks
    await tasks.close()
    await api.close()


async def grant(admin: Admin, namespace: str, secret: str) -> None:
    """As docs/agent-http.md says."""
    rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"]}]
    name = {"metadata": {"name": "crossover-agent-secrets"}}
    await admin.create(ROLES, {**name, "rules": rules}, namespace)
    role = {"apiGroup": RBAC, "kind": "Role", "name": "crossover-agent-secrets"}
    subjects = [{"kind": "ServiceAccount", "name": AGENT}]
    await admin.create(ROLE_BINDINGS, {**name, "roleRef": role, "subjects": subjects}, namespace)


def header(secret: str, key: str = "token") -> dict[str, Any]:
    return {"name": "Authorization", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


async def call(made: HttpTasks, namespace: str, url: str, *headers: dict[str, Any], **http: Any) -> Node:
    return await made.run(namespace, {"http": {"url": url, "headers": list(headers), **http}})


async def test_a_header_is_filled_from_a_secret(made: HttpTasks, namespace: str, web: Web) -> None:
    assert (await call(made, namespace, web.url("/"), header("granted")))["phase"] == "Succeeded"
    assert web.requests[0][2]["Authorization"] == "Bearer hunter2"


@pytest.mark.parametrize(
    ("secret", "key", "words"),
    [
        ("other", "token", "the agent may not read secret other in namespace {}: grant `get` on it by name"),
        ("granted", "absent", "secret granted in namespace {} has no key absent"),
        ("granted", "bytes", "secret granted in namespace {}: bytes is no text"),
        ("granted", "lines", "the value of header Authorization holds a line break"),
    ],
)
async def test_a_secret_that_cannot_be_used_is_an_error_that_names_it_and_nothing_is_sent(
    made: HttpTasks, namespace: str, web: Web, secret: str, key: str, words: str
) -> None:
    node = await call(made, namespace, web.url("/"), header(secret, key))
    assert node["phase"] == "Error"
    assert words.format(namespace) in node["message"]
    assert web.requests == []


async def test_the_agents_right_to_a_secret_is_for_its_own_namespace(
    made: HttpTasks, namespace: str, web: Web
) -> None:
    node = await call(made, "default", web.url("/"), header("granted"))
    assert "may not read secret granted in namespace default" in node["message"]


async def test_a_secrets_value_is_in_no_message_log_or_condition(
    made: HttpTasks, namespace: str, web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    for path, more in (
        ("/status/500", {}),
        ("/held", {"timeoutSeconds": 1}),
        ("/", {"successCondition": "request.headers['Authorization'][0] == ''"}),
        ("/redirect/302?to=ftp://x.test", {}),
    ):
        node = await call(made, namespace, web.url(path), header("granted"), **more)
        assert node["phase"] in ("Failed", "Error")
        assert "hunter2" not in str(node)
    assert "hunter2" not in caplog.text


async def test_a_redirect_to_another_origin_goes_without_the_secret(
    made: HttpTasks, namespace: str, web: Web
) -> None:
    async with served() as elsewhere:
        await call(made, namespace, web.url(f"/redirect/307?to={elsewhere.url('/')}"), header("granted"))
        assert "Authorization" not in elsewhere.requests[0][2]
    await call(made, namespace, web.url("/redirect/307?to=/"), header("granted"))
    assert web.requests[-1][2]["Authorization"] == "Bearer hunter2"


async def test_an_api_that_is_away_fails_the_node_and_not_the_agent(namespace: str, web: Web) -> None:
    api = KubernetesClient(from_url(f"http://127.0.0.1:{free_port()}"))
    tasks = HttpTasks(api, allow=LOOPBACK)
    node = await call(tasks, namespace, web.url("/"), header("granted"))
    assert (node["phase"], "cannot be read now" in node["message"]) == ("Failed", True)
    await tasks.close()
    await api.close()
