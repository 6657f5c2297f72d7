"""What an http template may say."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.argo.agent.http.problems import Unable, Unsuccessful
from bridge.argo.agent.http.request import Header, SecretKey, read_http
from bridge.argo.agent.http.sending import Message, addressed, redirected


def template(**http: Any) -> dict[str, Any]:
    return {"name": "call", "http": {"url": "http://x.test/a", **http}}


def test_what_is_not_said_is_as_with_argo() -> None:
    task = read_http(template())
    assert (task.method, str(task.url), task.body, task.timeout) == ("GET", "http://x.test/a", b"", None)
    assert (task.headers, task.condition, task.insecure) == ((), "", False)


def test_headers_are_values_or_names_of_secrets() -> None:
    reference = {"secretKeyRef": {"name": "token", "key": "value"}}
    headers = [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "C", "valueFrom": reference}]
    assert read_http(template(headers=headers)).headers == (
        Header("A", "1"),
        Header("B", ""),
        Header("C", SecretKey("token", "value")),
    )


def test_how_a_message_is_carried_is_not_the_templates_business() -> None:
    names = ("Content-Length", "transfer-encoding", "Connection", "TE", "Upgrade", "X-Own")
    task = read_http(template(headers=[{"name": each, "value": "7"} for each in names]))
    assert [each.name for each in task.headers] == ["X-Own"]


def test_bytes_come_as_base64_and_win() -> None:
    task = read_http(template(body="text", bodyFrom={"bytes": "AAH/"}))
    assert (task.body, task.text) == (b"\x00\x01\xff", "text")
    assert read_http(template(body="tëxt")).body == "tëxt".encode()


@pytest.mark.parametrize(
    ("http", "words"),
    [
        ({"url": ""}, "http.url is empty"),
        ({"url": "http://x.test/a b"}, "control character"),
        ({"url": "http://x.test/\r\nHost: y"}, "control character"),
        ({"url": "ftp://x.test/"}, "http:// or https://"),
        ({"url": "file:///etc/passwd"}, "http:// or https://"),
        ({"url": "http:///path"}, "http:// or https://"),
        ({"url": "//x.test"}, "http:// or https://"),
        ({"url": "http://[::1"}, "not a URL"),
        ({"url": "http://x.test:99999/"}, "a port"),
        ({"url": "http://x.test:0/"}, "a port"),
        ({"url": 7}, "http.url must be text"),
        ({"method": "GET /\r\n"}, "http.method"),
        ({"method": "CONNECT"}, "http.method"),
        ({"headers": [{"name": "A\r\nB", "value": "1"}]}, "no name, or one that HTTP"),
        ({"headers": [{"name": "A", "value": "1\r\nB: 2"}]}, "header A holds a line break"),
        ({"headers": [{"name": "A", "value": "1\x00"}]}, "header A holds"),
        ({"headers": [{"value": "1"}]}, "no name"),
        ({"headers": ["A: 1"]}, "no name"),
        ({"headers": {"A": "1"}}, "must be a list"),
        ({"headers": [{"name": "A"}] * 65}, "at most 64"),
        ({"headers": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x"}}}]}, "a name and a key"),
        (
            {"headers": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "../pods", "key": "x"}}}]},
            "a name and a key",
        ),
        ({"bodyFrom": {"bytes": "%%%"}}, "not base64"),
        ({"body": 7}, "http.body must be text"),
        ({"timeoutSeconds": "soon"}, "timeoutSeconds"),
        ({"timeoutSeconds": 0}, "timeoutSeconds"),
        ({"timeoutSeconds": True}, "timeoutSeconds"),
        ({"retries": 3}, "http.retries is not known"),
    ],
)
def test_what_is_wrong_is_named(http: dict[str, Any], words: str) -> None:
    with pytest.raises(Unable) as caught:
        read_http(template(**http))
    assert words in str(caught.value)


def test_a_password_in_a_url_that_is_wrong_is_not_repeated() -> None:
    with pytest.raises(Unable) as caught:
        read_http(template(url="ftp://me:hunter2@x.test/"))
    assert "hunter2" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "url",
        "method",
        "headers",
        "body",
        "bodyFrom",
        "timeoutSeconds",
        "successCondition",
        "insecureSkipVerify",
    ]
)


@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_whatever_it_holds_is_read_or_refused(http: dict[str, Any]) -> None:
    refusal = _refusal(http)
    assert refusal is None or len(refusal) < 200


def _refusal(http: dict[str, Any]) -> str | None:
    try:
        read_http({"http": http})
    except Unable as error:
        return str(error)
    return None


FIRST = Message(
    "POST",
    httpx.URL("https://x.test/a"),
    (("Content-Type", "text/plain"), ("X-Own", "1"), ("Authorization", "Basic plain")),
    (("X-Token", "secret"),),
    b"body",
)


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [(301, "GET", b""), (302, "GET", b""), (303, "GET", b""), (307, "POST", b"body"), (308, "POST", b"body")],
)
def test_a_redirect_is_followed_as_gos_client_does(status: int, method: str, body: bytes) -> None:
    found = redirected(FIRST, status, "/b")
    assert (found.method, str(found.url), found.body) == (method, "https://x.test/b", body)
    assert found.secret == FIRST.secret
    assert ("Content-Type" in dict(found.headers)) == bool(body)


@pytest.mark.parametrize(
    "location", ["https://y.test/", "http://x.test/", "https://x.test:8443/", "//y.test/"]
)
def test_nothing_secret_follows_to_another_origin(location: str) -> None:
    found = redirected(FIRST, 307, location)
    assert found.secret == ()
    assert [name for name, _ in found.headers] == ["Content-Type", "X-Own"]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://", "gopher://x.test/", "http://[::1"])
def test_a_redirect_to_no_web_address_is_not_followed(location: str) -> None:
    with pytest.raises((Unable, Unsuccessful)):
        redirected(FIRST, 302, location)


def test_the_connection_is_made_to_the_address_that_was_judged_under_the_hosts_name() -> None:
    """Nothing resolves the name a second time, so that it cannot mean another address then."""
    found = addressed(FIRST, "10.0.0.7")
    assert str(found.url) == "https://10.0.0.7/a"
    assert found.headers["Host"] == "x.test"
    assert found.extensions["sni_hostname"] == "x.test"
    assert str(addressed(FIRST, "fd12::7").url) == "https://[fd12::7]/a"
