"""Who the plugin is to the bridge: its own token says the tenant, and no request does."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.client import Client

from crossover.identity import Role, new_token
from testbed.servers import Bridge, TemporalServer
from tests.argo.plugin.agent_pod import EXECUTE, agent_pod, asked, message, phase, workflow
from tests.argo.plugin.test_nodes import run_id

Tokens = dict[str, tuple[str, dict[str, Any]]]
CALLERS = {"acme": Role.OPERATOR, "beta": Role.OPERATOR, "viewer": Role.VIEWER}


@pytest.fixture(scope="module")
async def tokens() -> Tokens:
    tenants = {"acme": "acme", "beta": "beta", "viewer": "acme"}
    return {name: new_token(name, tenants[name], role) for name, role in CALLERS.items()}


@pytest.fixture(scope="module")
async def guarded(
    temporal: TemporalServer,
    worker: object,
    tokens: Tokens,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Bridge, None]:
    """A bridge that asks for tokens; beta's nodes are those of one namespace."""
    home = tmp_path_factory.mktemp("guarded")
    (home / "tokens.json").write_text(json.dumps([entry for _, entry in tokens.values()]))
    anything = {"task_queues": ["*"], "workflow_types": ["*"]}
    registry = {"tenants": {"acme": anything, "beta": {**anything, "argo_namespaces": ["argo"]}}}
    (home / "registry.yaml").write_text(yaml.safe_dump(registry))
    async with Bridge(
        temporal.address,
        home / "bridge.log",
        registry_file=home / "registry.yaml",
        temporal_ui_url="http://temporal.test",
        auth="tokens",
        tokens_file=home / "tokens.json",
    ) as bridge:
        yield bridge


async def test_two_tenants_that_ask_the_same_have_a_run_each(
    guarded: Bridge, tokens: Tokens, tmp_path: Path, client: Client
) -> None:
    body, runs = asked(workflow("same")), set()
    for tenant in ("acme", "beta"):
        async with agent_pod(tmp_path, guarded.url, CROSSOVER_TOKEN=tokens[tenant][0]) as pod:
            run = run_id(message(await pod.told(body)))
            assert run.startswith(f"crossover/{tenant}/argo/")
            runs.add((await client.get_workflow_handle(run).describe()).run_id)
    assert len(runs) == 2


async def test_a_secret_that_holds_a_header_holds_a_token(
    guarded: Bridge, tokens: Tokens, tmp_path: Path
) -> None:
    async with agent_pod(tmp_path, guarded.url, CROSSOVER_TOKEN=f"Bearer {tokens['acme'][0]}") as pod:
        assert phase(await pod.told(asked(workflow()))) == "Pending"


async def test_a_plugin_without_a_token_or_role_fails_its_nodes_and_says_what_to_give_it(
    guarded: Bridge, tokens: Tokens, tmp_path: Path
) -> None:
    for token, words in (
        ("", "Give the plugin a token that the bridge knows"),
        ("nobodys", "Give the plugin a token that the bridge knows"),
        (tokens["viewer"][0], "viewer may not start runs"),
    ):
        async with agent_pod(tmp_path, guarded.url, CROSSOVER_TOKEN=token) as pod:
            node = (await pod.first())["node"]
            assert node["phase"] == "Error"
            assert words in node["message"]
            assert not token or token not in node["message"] + pod.log.read_text()


async def test_a_namespace_of_argo_that_is_not_the_tenants_is_refused(
    guarded: Bridge, tokens: Tokens, tmp_path: Path
) -> None:
    token = tokens["beta"][0]
    async with agent_pod(tmp_path, guarded.url, CROSSOVER_TOKEN=token) as pod:
        node = (await pod.told(asked(workflow(namespace="foreign"))))["node"]
        assert node["phase"] == "Error"
    metadata = workflow(namespace="foreign")
    reply = await guarded.http.post(
        "/v1/releases",
        json={"namespace": "foreign", "workflow": metadata["name"], "uid": metadata["uid"]},
        headers={"authorization": f"Bearer {token}"},
    )
    assert reply.status_code == 403


@pytest.mark.parametrize("instance", ["a b", "x" * 65, "a/b", "é"])
async def test_an_instance_is_a_name(guarded: Bridge, tokens: Tokens, instance: str) -> None:
    headers = {
        b"authorization": f"Bearer {tokens['acme'][0]}".encode(),
        b"crossover-instance": instance.encode(),
    }
    reply = await guarded.http.post(EXECUTE, content=asked(workflow()), headers=headers)
    assert reply.status_code == 422


async def test_the_bridge_takes_no_body_that_no_template_can_be(guarded: Bridge, tokens: Tokens) -> None:
    headers = {"authorization": f"Bearer {tokens['acme'][0]}"}
    reply = await guarded.http.post(EXECUTE, content=b" " * ((2 << 20) + 1), headers=headers)
    assert reply.status_code == 413
