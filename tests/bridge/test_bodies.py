"""Bad requests: each is a problem that names the field, and nothing is started."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from temporalio.client import Client

from testbed.servers import Bridge
from tests.bridge.conftest import start_body
from tests.patience import PATIENCE


def raw(body: bytes | str) -> bytes:
    """A start request in which `@` stands for the input's value."""
    base = json.dumps(start_body(input="@"))
    text = body.decode("utf-8", "surrogateescape") if isinstance(body, bytes) else body
    return base.replace('"@"', text).encode("utf-8", "surrogateescape")


JSON = {"content-type": "application/json"}
CASES: dict[str, tuple[bytes, dict[str, str], int, str | None]] = {
    "NaN": (raw('{"a":NaN}'), JSON, 422, "input.a"),
    "infinity": (raw('{"a":[1e999]}'), JSON, 422, "input.a.0"),
    "lone surrogate": (raw('{"a":"\\ud800"}'), JSON, 422, "input.a"),
    "duplicate key": (raw('{"a":1,"a":2}'), JSON, 422, "a"),
    "depth bomb": (raw('{"a":' + "[" * 5000 + "]" * 5000 + "}"), JSON, 400, None),
    "too deep": (raw('{"a":' + "[" * 70 + "]" * 70 + "}"), JSON, 400, None),
    "invalid UTF-8": (raw(b'{"a":"\xff"}'), JSON, 400, None),
    "not JSON": (b"app=x", JSON, 400, None),
    "an array": (b"[]", JSON, 400, None),
    "empty": (b"", JSON, 400, None),
    "huge number": (raw('{"a":' + "9" * 5000 + "}"), JSON, 400, None),
    "input not an object": (raw("[1]"), JSON, 422, "input"),
    "over the limit": (raw('{"a":"' + "x" * 1_100_000 + '"}'), JSON, 413, None),
    "form": (raw("{}"), {"content-type": "application/x-www-form-urlencoded"}, 415, None),
    "compressed": (raw("{}"), {**JSON, "content-encoding": "gzip"}, 415, None),
    "unknown app": (json.dumps({"app": "nope", "argo": start_body()["argo"]}).encode(), JSON, 422, "app"),
    "no app": (json.dumps({"argo": start_body()["argo"]}).encode(), JSON, 422, "(body)"),
    "unresolved variable": (
        json.dumps({**start_body(), "argo": {**start_body()["argo"], "uid": "{{workflow.uid}}"}}).encode(),
        JSON,
        422,
        "argo.uid",
    ),
    "wrong type": (json.dumps(start_body(cancel_grace=[1])).encode(), JSON, 422, "cancel_grace"),
    "unknown field": (json.dumps(start_body(priority=1)).encode(), JSON, 422, "priority"),
    "forged context": (raw('{"tenant":"other"}'), JSON, 422, "input.tenant"),
}


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_bad_body_is_a_problem_that_names_the_field(
    bridge: Bridge, client: Client, case: str
) -> None:
    body, headers, status, field = CASES[case]
    before = await bridge.metric('crossover_temporal_calls_total{call="StartWorkflowExecution"')
    reply = await bridge.http.post("/v1/runs", content=body, headers=headers)
    problem = reply.json()
    assert (reply.status_code, problem.get("field")) == (status, field), problem
    assert reply.headers["content-type"] == "application/problem+json"
    assert (problem["exit_code"], problem["retryable"]) == (2, False)
    assert await bridge.metric('crossover_temporal_calls_total{call="StartWorkflowExecution"') == before


async def test_a_body_over_the_limit_is_refused_while_it_streams(bridge: Bridge) -> None:
    """80 MB are offered without a length; the bridge stops reading after one."""
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(1280):
            sent += 65536
            yield b"x" * 65536

    process = psutil.Process(bridge.program.process.pid if bridge.program.process else 0)
    before = process.memory_info().rss
    try:
        reply = await bridge.http.post("/v1/runs", content=endless(), headers=JSON)
        assert reply.status_code == 413
    except httpx.NetworkError:
        pass  # the bridge hung up in the middle of the upload, as it should
    assert sent < 40_000_000
    assert process.memory_info().rss - before < 30_000_000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/none", 404),
        ("DELETE", "/v1/runs", 404),
        ("GET", "/v1/runs/none", 404),
        ("GET", "/v1/runs/crossover/default/argo/u/n-1", 404),
        ("GET", "/v1/runs/crossover/other/argo/u/n-1", 404),
        ("GET", "/v1/runs/crossover/default/argo/u/n-1?wait=1s", 404),
        ("GET", "/v1/runs/crossover/default/argo/u/n-1?wait=soon", 422),
        ("GET", "/v1/runs?limit=0", 422),
        ("GET", "/v1/runs?phase=Done", 422),
        ("GET", "/v1/runs?trace_id=a%27b", 422),
        ("GET", "/v1/runs?page_token=%FF", 422),
        ("GET", "/v1/runs/crossover/default/argo/u/n-1/events", 404),
        ("GET", "/v1/runs/crossover/default/argo/u/n-1/history", 404),
        ("POST", "/v1/runs/crossover/default/argo/u/n-1/cancel", 404),
        ("POST", "/v1/runs/crossover/default/argo/u/n-1/release", 404),
    ],
)
async def test_whatever_is_wrong_comes_as_a_problem(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    reply = await http.request(method, path)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["detail"]


async def test_concurrent_garbage_leaves_the_bridge_well(bridge: Bridge) -> None:
    replies = await asyncio.gather(
        *(
            bridge.http.post("/v1/runs", content=CASES[case][0], headers=CASES[case][1])
            for case in [*CASES] * 5
        )
    )
    assert all(400 <= reply.status_code < 500 for reply in replies)
    assert (await bridge.http.get("/readyz")).status_code == 200


async def test_the_openapi_document_has_examples_and_every_route(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    start = document["paths"]["/v1/runs"]["post"]
    assert start["requestBody"]["content"]["application/json"]["example"]["app"] == "metadata-extractor"
    assert {"200", "201", "409", "413", "422", "503"} <= set(start["responses"])
    calls = {path.rsplit("}", 1)[-1] for path in document["paths"] if path.startswith("/v1/runs/")}
    expected = {
        "",
        "/events",
        "/history",
        "/cancel",
        "/terminate",
        "/release",
        "/signal",
        "/query",
        "/update",
    }
    assert calls == {*expected, "/reset"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"listen_host": "0.0.0.0"}, "auth=none"),
        ({"log_levle": "info"}, "is CROSSOVER_BRIDGE_LOG_LEVEL meant?"),
        ({"tokens_file": "/none.json"}, "go together"),
        ({"auth": "tokens", "tokens_file": "/none.json"}, "/none.json"),
        ({"auth": "tokens"}, "tokens_file"),
        ({"log_level": "loud"}, "LOG_LEVEL"),
        ({"registry_file": "/none.yaml"}, "none.yaml"),
        ({"tenant": "A B"}, "TENANT"),
        ({"argo_server_url": "http://a", "argo_kubernetes_url": "http://b"}, "not both"),
    ],
    ids=[
        "open without auth",
        "typo",
        "tokens without auth",
        "no such tokens",
        "no tokens",
        "level",
        "registry",
        "tenant",
        "two argos",
    ],
)
async def test_bad_settings_are_refused_in_a_sentence(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    bridge = Bridge("127.0.0.1:1", tmp_path / "log", **settings)
    await bridge.program.start()
    assert bridge.program.process is not None
    code = await asyncio.wait_for(bridge.program.process.wait(), PATIENCE)
    said = (tmp_path / "log").read_text()
    assert (code, words in said, "Traceback" in said) == (1, True, False), said
    await bridge.http.aclose()
