"""The sidecar by itself: whose calls it takes, and what it says while the bridge says nothing of use."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from testbed.ports import free_port
from testbed.servers import PATIENCE, Bridge, Program, until_open
from tests.argo.plugin.agent_pod import (
    EXECUTE,
    SLOW,
    AgentPod,
    agent_pod,
    asked,
    message,
    over,
    phase,
    tells,
    workflow,
)
from tests.proxy import Proxy

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(head: str, body: str = "") -> AsyncGenerator[str, None]:
    """The URL of something that gives everybody the same answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def problem(kind: str, status: int, *, retryable: bool) -> str:
    content = {"type": f"urn:crossover:error:{kind}", "title": kind, "status": status, "detail": "So it is."}
    return json.dumps({**content, "retryable": retryable})


async def test_whoever_is_not_the_agent_is_refused(pod: AgentPod) -> None:
    for token in ("x", pod.token[:-1], pod.token + "x"):
        assert (await pod.post(asked(workflow()), token=token)).status_code == 403
    bare = await pod.http.post(EXECUTE, content=asked(workflow()))
    assert bare.status_code == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_no_method_of_the_rpcs_path_is_a_404(pod: AgentPod, method: str) -> None:
    reply = await pod.http.request(method, EXECUTE, headers={"authorization": f"Bearer {pod.token}"})
    assert reply.status_code == 405


@pytest.mark.parametrize(
    "path", ["/api/v1/template.execute/", "/api/v1/node.pre-execute", "/api/v1/", "/api/v1//x"]
)
async def test_other_calls_of_the_rpc_are_left_to_other_plugins(pod: AgentPod, path: str) -> None:
    reply = await pod.post(b"{}", path=path)
    assert (reply.status_code, reply.json()) == (200, {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"template":{"plugin":{"crossover":{}}}}',
        b'{"template":{"plugin":{"crossover":7}},"workflow":{"metadata":{"name":"a","namespace":"b","uid":"c"}}}',
        b'{"template":{"plugin":{"crossover":{}}},"workflow":{"metadata":{"name":1,"namespace":2,"uid":3}}}',
        b'{"template":{"plugin":{"crossover":{"input":"{\\"a\\":NaN}"}}},"workflow":null}',
    ],
    ids=repr,
)
async def test_garbage_is_a_node_that_says_so(pod: AgentPod, body: bytes) -> None:
    reply = await pod.until(body, lambda reply: reply == {} or tells(reply))
    if reply != {}:
        assert reply["node"]["phase"] == "Error"
        assert reply["node"]["message"].startswith("not started: ")
    assert body == b"" or reply != {} or b"plugin" not in body


async def test_a_body_that_no_template_can_be_is_refused_and_the_sidecar_goes_on(pod: AgentPod) -> None:
    reply = await pod.post(b"x" * (3 << 20))
    assert reply.status_code == 413
    assert (await pod.http.get("/healthz")).json() == {"status": "ok"}


async def test_while_the_bridge_is_away_the_tasks_of_other_plugins_are_still_theirs(tmp_path: Path) -> None:
    async with agent_pod(tmp_path, f"http://127.0.0.1:{free_port()}") as pod:
        assert await pod.poll(asked(workflow(), key="slack", text="crossover")) == {}
        ours = await pod.first()
        assert ours == {
            "node": {"phase": "Pending", "message": "waiting for the bridge: connection refused"},
            "requeue": "5s",
        }


@pytest.mark.parametrize(
    ("head", "body", "words", "requeue"),
    [
        ("502 Bad Gateway", "<html>", "something before the bridge answered 502", "5s"),
        ("404 Not Found\r\ncontent-type: text/html", "no such host", "answered 404", "5s"),
        ("200 OK\r\ncontent-type: text/html", "<html>log in</html>", "answered 200", "5s"),
        ("200 OK\r\ncontent-type: application/json", '{"ok":true}', "answered 200", "5s"),
        ("200 OK\r\ncontent-length: 9", "{", "HTTP", "5s"),
        (
            "429 x\r\ncontent-type: application/problem+json\r\nretry-after: 7",
            problem("busy", 429, retryable=True),
            "So it is.",
            "7s",
        ),
        (
            "503 x\r\ncontent-type: application/problem+json\r\nretry-after: 999999",
            problem("unavailable", 503, retryable=True),
            "So it is.",
            "30s",
        ),
    ],
    ids=["gateway", "ingress", "login page", "other json", "two lengths", "busy", "unavailable"],
)
async def test_trouble_on_the_way_fails_no_node(
    tmp_path: Path, head: str, body: str, words: str, requeue: str
) -> None:
    async with answering(head, body) as url, agent_pod(tmp_path, url) as pod:
        reply = await pod.first()
        assert reply["node"]["phase"] == "Pending"
        assert words in reply["node"]["message"] or "closed" in reply["node"]["message"]
        assert reply["requeue"] == requeue


@pytest.mark.parametrize(
    ("kind", "status", "advice"),
    [
        ("unauthenticated", 401, "Give the plugin a token that the bridge knows"),
        ("forbidden", 403, "role operator"),
        ("not-found", 404, "So it is."),
        ("body-too-large", 413, "So it is."),
    ],
)
async def test_a_refusal_of_the_bridge_fails_the_node_and_says_what_to_do(
    tmp_path: Path, kind: str, status: int, advice: str
) -> None:
    head = f"{status} x\r\ncontent-type: application/problem+json"
    async with (
        answering(head, problem(kind, status, retryable=False)) as url,
        agent_pod(tmp_path, url) as pod,
    ):
        reply = await pod.first()
        assert reply["node"]["phase"] == "Error"
        assert reply["node"]["message"].startswith("not started: So it is.")
        assert advice in reply["node"]["message"]
        assert "requeue" not in reply


async def test_a_lost_or_frozen_answer_is_not_waited_for(bridge: Bridge, tmp_path: Path) -> None:
    async with Proxy(bridge.port) as proxy, agent_pod(tmp_path, f"http://{proxy.address}") as pod:
        body = asked(workflow("proxied"))
        proxy.mode = "drop_replies"
        lost = await pod.poll(body)
        assert "closed" in message(lost) or message(lost) == SLOW
        proxy.mode = "freeze"  # who waited for an answer would wait for ever
        assert (await pod.poll(body))["node"] == {}
        proxy.mode = "forward"
        proxy.cut()
        assert "http://temporal.test" in message(await pod.told(body))


async def test_a_connection_that_the_bridge_has_closed_meanwhile_is_no_outage(
    bridge: Bridge, tmp_path: Path
) -> None:
    async with Proxy(bridge.port) as proxy, agent_pod(tmp_path, f"http://{proxy.address}") as pod:
        body = asked(workflow("kept"))
        for _ in range(4):
            reply = await pod.poll(body)
            assert "waiting for" not in str(reply) or message(reply) == SLOW
            proxy.cut()


async def test_the_sidecar_names_its_bridge_token_and_pod_but_passes_the_agents_token_to_nobody(
    tmp_path: Path,
) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    token = tmp_path / "identity"
    token.write_text("first")
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/bridge"
    body = asked(workflow())
    async with server, agent_pod(tmp_path, url, CROSSOVER_TOKEN_FILE=str(token)) as pod:
        for identity in ("first", "second"):
            token.write_text(identity)
            while not any(identity.encode() in each for each in seen):  # unless there was no time to send it
                await pod.poll(body)
        assert pod.token.encode() not in b"".join(seen)
    *questions, last = (each.decode().lower() for each in seen)
    for each in questions:
        assert each.startswith("post /bridge/api/v1/template.execute http/1.1")
        assert "authorization: bearer first" in each or "authorization: bearer second" in each
    assert last.startswith("post /bridge/v1/releases http/1.1")
    instances = [line for each in questions for line in each.split("\r\n") if "crossover-instance" in line]
    assert len(set(instances)) == 1
    assert len(instances[0].split(": ")[1]) == 16


async def test_settings_that_cannot_be_used_end_the_start_with_their_name(tmp_path: Path) -> None:
    for env, words in (
        ({"CROSSOVER_URL": ""}, "CROSSOVER_URL is missing"),
        ({"CROSSOVER_PLUGIN_POTR": "1"}, "CROSSOVER_PLUGIN_POTR is no setting"),
        ({"CROSSOVER_TOKEN_FILE": str(tmp_path / "none")}, "CROSSOVER_TOKEN_FILE: "),
    ):
        pod = AgentPod(tmp_path, "http://127.0.0.1:9", **env)
        await pod.http.aclose()
        await pod.sidecar.start()
        assert await pod.sidecar.wait(within=PATIENCE) == 2
        assert words in pod.log.read_text()


async def test_a_port_that_is_taken_ends_the_start(pod: AgentPod, tmp_path: Path) -> None:
    other = Program(pod.sidecar._args, pod.env, tmp_path / "second.log")
    await other.start()
    assert await other.wait(within=PATIENCE) == 1
    assert "in use" in (tmp_path / "second.log").read_text()


async def test_the_sidecar_survives_a_storm_of_connections_that_say_nothing_and_of_what_is_no_http(
    pod: AgentPod,
) -> None:
    writers = [(await asyncio.open_connection("127.0.0.1", pod.port))[1] for _ in range(50)]
    for number, writer in enumerate(writers):
        writer.write(b"\x00\x01\xff" * 100 if number % 2 else b"POST ")
    await asyncio.gather(*(writer.drain() for writer in writers))
    for writer in writers:
        writer.transport.abort()
    await until_open(pod.port)
    assert (await pod.http.get("/healthz")).status_code == 200
    assert isinstance(await pod.poll(asked(workflow())), dict)


async def test_every_reply_is_json_of_its_declared_length(pod: AgentPod) -> None:
    reply: httpx.Response = await pod.post(asked(workflow(), key="other"))
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-length"] == "2"


async def test_a_sigterm_in_the_very_moment_of_the_start_is_not_lost(tmp_path: Path) -> None:
    async with agent_pod(tmp_path, "http://127.0.0.1:9") as pod:
        assert await pod.sidecar.stop() == 0


async def test_answers_that_drip_keep_no_thread_for_longer_than_a_question(tmp_path: Path) -> None:
    """A byte now and then is a sign of life to a socket: as many as there are threads would silence us."""
    dripping = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal dripping
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(OSError):
            if dripping < 16:
                dripping += 1
                writer.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
                while True:
                    await asyncio.sleep(0.2)
                    writer.write(b"x")
                    await writer.drain()
            else:
                body = b'{"node":{"phase":"Succeeded"}}'
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, agent_pod(tmp_path, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as pod:
        body = asked(workflow())
        waiting = await asyncio.gather(*(pod.poll(body) for _ in range(16)))
        assert {phase(each) for each in waiting} <= {"Pending", ""}
        await pod.until(body, over)
