"""http templates against real servers: what the node becomes, and what is never reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from bridge.argo.agent.http.rules import HttpRules, Network
from bridge.argo.agent.http.tasks import HttpTasks
from bridge.argo.node import Node
from crossover.kubernetes.access import from_url
from crossover.kubernetes.client import KubernetesClient
from testbed.ports import free_port
from testbed.servers import PATIENCE
from tests.argo.agent.web import Web, certificate, served

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@asynccontextmanager
async def tasks(
    rules: HttpRules | None = None, allow: Sequence[Network] = LOOPBACK, api_url: str | None = None
) -> AsyncGenerator[HttpTasks, None]:
    api = KubernetesClient(from_url("http://127.0.0.1:9"))  # none of these asks it
    made = HttpTasks(api, rules, api_url=api_url, allow=allow)
    try:
        yield made
    finally:
        await made.close()
        await api.close()


@pytest.fixture
async def web() -> AsyncGenerator[Web, None]:
    async with served() as server:
        yield server


async def run(
    url: str,
    rules: HttpRules | None = None,
    allow: Sequence[Network] = LOOPBACK,
    api_url: str | None = None,
    **http: Any,
) -> Node:
    async with tasks(rules, allow, api_url) as made:
        return await made.run("argo", {"name": "call", "http": {"url": url, **http}})


async def test_the_body_is_the_result(web: Web) -> None:
    assert await run(web.url("/")) == {"phase": "Succeeded", "message": "", "outputs": {"result": "hello"}}


async def test_method_headers_and_body_arrive(web: Web) -> None:
    headers = [{"name": "X-Own", "value": "grüß"}, {"name": "host", "value": "virtual.test"}]
    await run(web.url("/a?b=1"), method="POST", headers=headers, body="péng")
    method, path, received, body = web.requests[0]
    assert (method, path, body) == ("POST", "/a?b=1", "péng".encode())
    assert received["Host"] == "virtual.test"
    assert received["X-Own"].encode("utf-8", "surrogateescape") == "grüß".encode()
    assert received["User-Agent"] == "crossover-agent"


async def test_bytes_arrive_as_they_are_and_a_password_in_the_url_as_argo_sends_it(web: Web) -> None:
    url = web.url("/").replace("//", "//me:pa%40ss@")
    await run(url, method="PUT", bodyFrom={"bytes": "AAH/"})
    _, _, headers, body = web.requests[0]
    assert body == b"\x00\x01\xff"
    assert headers["Authorization"] == "Basic bWU6cGFAc3M="
    assert headers["Host"] == f"127.0.0.1:{web.port}"


@pytest.mark.parametrize("code", [201, 204, 299])
async def test_any_2xx_is_a_success(web: Web, code: int) -> None:
    assert (await run(web.url(f"/status/{code}")))["phase"] == "Succeeded"


@pytest.mark.parametrize("code", [304, 400, 404, 500, 503])
async def test_any_other_answer_fails_the_node_in_argos_words_and_is_kept(web: Web, code: int) -> None:
    node = await run(web.url(f"/status/{code}"))
    assert (node["phase"], node["message"]) == ("Failed", f"received non-2xx response code: {code}")
    assert "result" in node["outputs"]


async def test_a_condition_decides_instead_of_the_status(web: Web) -> None:
    good = await run(web.url("/status/404"), successCondition="response.statusCode in [200, 404]")
    assert (good["phase"], good["outputs"]) == ("Succeeded", {"result": "status 404"})
    bad = await run(web.url("/"), successCondition='response.body contains "bye"')
    assert (bad["phase"], bad["message"]) == (
        "Failed",
        "successCondition 'response.body contains \"bye\"' evaluated false",
    )


async def test_a_condition_sees_headers_as_go_writes_them(web: Web) -> None:
    condition = 'response.headers["X-Kind"][0] == "one" && response.headers["x-kind"] == nil'
    assert (await run(web.url("/header"), successCondition=condition))["phase"] == "Succeeded"


async def test_a_condition_that_is_not_understood_sends_nothing(web: Web) -> None:
    node = await run(web.url("/"), successCondition="jsonpath(response.body, '$.a') == 1")
    assert node["phase"] == "Error"
    assert "is not understood by this agent: column 1: jsonpath" in node["message"]
    assert web.requests == []


async def test_a_condition_without_a_value_fails_the_node_as_with_argo(web: Web) -> None:
    node = await run(web.url("/"), successCondition="response.headers['X'][0] == 'a'")
    assert node["phase"] == "Failed"
    assert node["message"].startswith("unable to evaluate expression 'response.headers")


async def test_what_is_no_text_is_kept_as_far_as_it_is(web: Web) -> None:
    assert (await run(web.url("/body/61ff62")))["outputs"] == {"result": "a\N{REPLACEMENT CHARACTER}b"}


async def test_an_answer_that_no_node_can_hold_is_an_error(web: Web) -> None:
    rules = HttpRules(response_limit=1000)
    assert (await run(web.url("/bytes/1000"), rules))["phase"] == "Succeeded"
    node = await run(web.url("/bytes/1001"), rules)
    assert (node["phase"], node["message"]) == (
        "Error",
        "the response is larger than 1000 bytes, the agent's limit",
    )
    assert "outputs" not in node
    assert "larger" in (await run(web.url("/endless")))["message"]


async def test_an_answer_that_grows_too_large_as_an_output_is_an_error(web: Web) -> None:
    """A control character takes one byte on the way, and six in a node."""
    node = await run(web.url("/zeros/50000"))
    assert (node["phase"], "and a node holds" in node["message"]) == ("Error", True)


async def test_an_answer_that_is_compressed_unasked_is_an_error_and_not_unpacked(web: Web) -> None:
    node = await run(web.url("/gzip"))
    assert (node["phase"], "encoded (gzip)" in node["message"]) == ("Error", True)
    assert web.requests[0][2]["Accept-Encoding"] == "identity"


async def test_who_does_not_answer_in_time_fails_the_node(web: Web) -> None:
    node = await run(web.url("/held"), timeoutSeconds=1)
    assert (node["phase"], node["message"]) == ("Failed", "no complete answer within 1 s")
    node = await run(web.url("/held"), HttpRules(timeout=0.2))
    assert node["message"] == "no complete answer within 0.2 s"
    node = await run(web.url("/held"), HttpRules(timeout_max=0.2), timeoutSeconds=3600)
    assert node["message"] == "no complete answer within 0.2 s (the agent's limit)"


async def test_who_is_not_there_fails_the_node() -> None:
    node = await run(f"http://127.0.0.1:{free_port()}/")
    assert node["phase"] == "Failed"
    assert node["message"].startswith("cannot connect to 127.0.0.1")
    node = await run("http://no-such-host.invalid/")
    assert (node["phase"], node["message"]) == ("Failed", "no-such-host.invalid cannot be resolved")


async def test_redirects_are_followed_up_to_ten(web: Web) -> None:
    assert (await run(web.url("/hops/10")))["outputs"] == {"result": "arrived"}
    node = await run(web.url("/hops/11"))
    assert (node["phase"], node["message"]) == ("Failed", "stopped after 10 redirects")
    assert len(web.requests) == 11 + 11


async def test_a_redirect_without_a_place_is_an_answer(web: Web) -> None:
    assert (await run(web.url("/status/302")))["message"] == "received non-2xx response code: 302"


async def test_certificates_are_checked_by_the_hosts_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with served(certificate(tmp_path, "localhost")) as server:
        assert (await run(server.url("/", host="localhost")))["phase"] == "Succeeded"
        wrong = await run(server.url("/"))
        assert (wrong["phase"], "certificate" in wrong["message"]) == ("Failed", True)
        assert (await run(server.url("/"), insecureSkipVerify=True))["phase"] == "Succeeded"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "169.254.169.254",
        "[fe80::1]",
        "[::]",
        "224.0.0.1",
        "LOCALHOST",
    ],
)
async def test_the_agents_own_machine_and_metadata_are_never_reached(web: Web, host: str) -> None:
    node = await run(web.url("/", host), allow=())
    assert (node["phase"], "is refused: its address is" in node["message"]) == ("Error", True)
    assert web.requests == []


async def test_a_redirect_is_no_way_around(web: Web) -> None:
    """The first address may be called; where it sends us is judged anew."""
    only = (ip_network("127.0.0.1/32"),)
    for target in (web.url("/", "127.0.0.2"), "http://169.254.169.254/latest"):
        node = await run(web.url(f"/redirect/307?to={target}"), allow=only)
        assert (node["phase"], "is refused" in node["message"]) == ("Error", True)
    assert [path.split("?")[0] for _, path, _, _ in web.requests] == ["/redirect/307"] * 2


async def test_the_kubernetes_api_is_never_called_even_where_its_network_is_allowed(web: Web) -> None:
    node = await run(web.url("/", "localhost"), api_url=web.url(""))
    assert (node["phase"], node["message"]) == (
        "Error",
        "localhost is refused: its address is the Kubernetes API's",
    )
    assert (await run(web.url("/"), api_url="https://127.0.0.1:1"))["phase"] == "Succeeded"


async def test_hosts_are_those_that_the_settings_allow(web: Web) -> None:
    rules = HttpRules(hosts=("*.example.com", "127.0.0.1"))
    assert (await run(web.url("/"), rules))["phase"] == "Succeeded"
    for host in ("localhost", "example.com", "127.0.0.1.evil.test", "a.example.com.evil.test"):
        node = await run(web.url("/", host), rules)
        assert node["message"] == f"{host} is not among the hosts that the agent's settings allow"
    node = await run(web.url(f"/redirect/302?to={web.url('/', 'localhost')}"), rules)
    assert "not among the hosts" in node["message"]


async def test_no_namespace_takes_all_places(web: Web) -> None:
    rules = HttpRules(concurrency=3, per_namespace=2)
    template = {"http": {"url": web.url("/held")}}
    async with tasks(rules) as made:
        greedy = [asyncio.create_task(made.run("greedy", template)) for _ in range(6)]
        await _until(lambda: web.open == 2)
        other = asyncio.create_task(made.run("other", template))
        await _until(lambda: web.open == 3)
        web.hold.set()
        done = await asyncio.gather(*greedy, other)
    assert {each["phase"] for each in done} == {"Succeeded"}
    assert web.most == 3


async def test_a_task_that_is_gone_is_let_go_of(web: Web) -> None:
    async with tasks() as made:
        task = asyncio.create_task(made.run("argo", {"http": {"url": web.url("/held")}}))
        await _until(lambda: web.open == 1)
        task.cancel()
        await _until(lambda: web.open == 0)
        assert (await made.run("argo", {"http": {"url": web.url("/")}}))["phase"] == "Succeeded"


async def _until(condition: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
