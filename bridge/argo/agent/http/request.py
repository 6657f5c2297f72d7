"""From an `http` template to a request: pure. Secrets are named here and read later."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from bridge.argo.agent.http.problems import Unable

KEYS = frozenset(
    {
        "method",
        "url",
        "headers",
        "timeoutSeconds",
        "successCondition",
        "body",
        "bodyFrom",
        "insecureSkipVerify",
    }
)
"""Source: argo-workflows, pkg/apis/workflow/v1alpha1/http_types.go."""

HEADERS_LIMIT = 64

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_URL = re.compile(r"[^\x00-\x20\x7f]+")

FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say how a message is carried: that is the connection's business. Argo's agent leaves most of
them out as well."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """Where a header's value is kept."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    value: str | SecretKey


@dataclass(frozen=True, slots=True)
class HttpTask:
    """What one template asks for, checked.

    Args:
        timeout: seconds; None when the template does not say.
        text: the body as `request.body` of a condition sees it: without what comes from `bodyFrom`.
    """

    method: str
    url: httpx.URL
    headers: tuple[Header, ...]
    body: bytes
    text: str
    timeout: int | None
    condition: str
    insecure: bool


def read_http(template: Mapping[str, Any]) -> HttpTask:
    """Raises Unable, naming the key."""
    http = template["http"]
    if unknown := sorted(set(map(str, http)) - KEYS):
        raise Unable(f"http.{unknown[0][:64]} is not known to this agent")
    text = _text(http, "body")
    return HttpTask(
        method=_method(_text(http, "method") or "GET"),
        url=checked_url(_text(http, "url")),
        headers=_headers(http.get("headers") or []),
        body=_bytes(http["bodyFrom"]) if http.get("bodyFrom") else text.encode("utf-8", "replace"),
        text=text,
        timeout=_timeout(http.get("timeoutSeconds")),
        condition=_text(http, "successCondition"),
        insecure=http.get("insecureSkipVerify") is True,
    )


def checked_url(text: str) -> httpx.URL:
    """Raises Unable. The URL is not repeated in the words: it may hold a password."""
    if not _URL.fullmatch(text):
        raise Unable("http.url is empty, or holds a space or a control character")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise Unable("http.url is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Unable("http.url must begin with http:// or https:// and a host")
    if url.port is not None and not 0 < url.port < 65536:
        raise Unable("http.url has a port that does not exist")
    return url


def checked_value(name: str, value: str) -> str:
    """Raises Unable, without the value."""
    if not _VALUE.fullmatch(value):
        raise Unable(f"the value of header {name} holds a line break or another control character")
    return value


def _method(method: str) -> str:
    if not _TOKEN.fullmatch(method) or method.upper() == "CONNECT":
        raise Unable(f"http.method: {method[:32]!r} cannot be used")
    return method


def _headers(given: Any) -> tuple[Header, ...]:
    if not isinstance(given, list) or len(given) > HEADERS_LIMIT:
        raise Unable(f"http.headers must be a list of at most {HEADERS_LIMIT}")
    found = (_header(each) for each in given)
    return tuple(each for each in found if each.name.lower() not in FRAMING)


def _header(given: Any) -> Header:
    name = given.get("name") if isinstance(given, Mapping) else None
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise Unable("http.headers: a header has no name, or one that HTTP does not allow")
    source = given.get("valueFrom")
    if isinstance(source, Mapping) and source.get("secretKeyRef"):
        return Header(name, _secret(name, source["secretKeyRef"]))
    return Header(name, checked_value(name, _text(given, "value")))


def _secret(header: str, reference: Any) -> SecretKey:
    name, key = (
        (reference.get("name"), reference.get("key")) if isinstance(reference, Mapping) else (None, None)
    )
    if not isinstance(name, str) or not isinstance(key, str) or not _SECRET.fullmatch(name):
        raise Unable(f"header {header}: secretKeyRef needs a name and a key")
    return SecretKey(name, key)


def _bytes(source: Any) -> bytes:
    given = source.get("bytes") if isinstance(source, Mapping) else None
    try:
        return base64.b64decode(given or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Unable("http.bodyFrom.bytes is not base64") from None


def _timeout(given: Any) -> int | None:
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise Unable("http.timeoutSeconds must be a whole number of at least 1")
    return given


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise Unable(f"http.{key} must be text")
    return value or ""
