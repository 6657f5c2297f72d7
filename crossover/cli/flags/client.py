"""The bridge's flag API over HTTP: one request, and one answer or one of two errors."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from crossover import __version__
from crossover.cli.flags.output import note
from crossover.cli.logs.sse import Event, Parser, TooLong
from crossover.cli.step.client import Reply
from crossover.cli.step.credentials import CredentialError, read_certificates, read_token
from crossover.cli.step.replies import Problem, Refused, Unusable, content_of, retry_after

Json = dict[str, Any]

PATIENCE = 5.0
"""Seconds for which a bridge that takes no connections is tried: a replica that restarts is soon back."""

_PAUSE = 0.25
_CONNECT = 5.0
_ANSWER = 30.0
_SILENCE = 45.0
"""Seconds: three heartbeats of the change stream; a connection that is silent for longer is dead."""

_REFUSAL_LIMIT = 65536
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


@dataclass(frozen=True, slots=True)
class Access:
    """Where the bridge is, and as whom to speak to it."""

    url: str
    token_file: Path | None
    ca_file: Path | None


@dataclass(frozen=True, slots=True)
class Answer:
    """`etag` is the version that the answer is of; empty where it names none."""

    content: Json
    etag: str


class Away(Exception):
    """No answer of the bridge; the text says why. `sent`: the request may have reached it nevertheless."""

    def __init__(self, reason: str, *, sent: bool = True, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.sent = sent
        self.retry_after = retry_after


class Client:
    """Redirects and proxies are not followed: they would get the token.

    Every call raises Refused (the bridge said no) or Away (it said nothing that can be used). `tenant`: which
    of the caller's own to act in; None: the one its token names.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self.tenant: str | None = None
        try:
            trusted = read_certificates(access.ca_file) if access.url.startswith("https") else _nobody()
        except CredentialError as error:
            raise Away(str(error), sent=False) from None
        timeout = httpx.Timeout(_ANSWER, connect=_CONNECT)
        self._client = httpx.Client(verify=trusted, trust_env=False, timeout=timeout)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, **params: str | int | None) -> Answer:
        return self._call("GET", path, params)

    def send(
        self, method: str, path: str, body: Json, *, if_match: str | None = None, **params: str | None
    ) -> Answer:
        return self._call(method, path, params, body, if_match)

    @contextmanager
    def events(self, path: str) -> Generator[Iterator[Event], None, None]:
        """Server-sent events until the bridge ends them. Raises on entering and on the way."""
        timeout = httpx.Timeout(_ANSWER, connect=_CONNECT, read=_SILENCE)
        headers = {**self._headers(), "Accept": "text/event-stream", "Accept-Encoding": "identity"}
        try:
            with self._client.stream(
                "GET", self._address(path), headers=headers, timeout=timeout
            ) as response:
                _check_stream(response)
                yield _events(response)
        except httpx.HTTPError as error:
            raise _away(error) from error

    def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int | None],
        body: Json | None = None,
        if_match: str | None = None,
    ) -> Answer:
        request = self._client.build_request(
            method,
            self._address(path),
            params={name: value for name, value in params.items() if value is not None},
            json=body,
            headers=self._headers() | ({"If-Match": if_match} if if_match else {}),
        )
        return _answer(self._sent(request))

    def _sent(self, request: httpx.Request) -> httpx.Response:
        until, told = time.monotonic() + PATIENCE, False
        while True:
            try:
                return self._client.send(request)
            except httpx.ConnectError as error:  # nothing was sent, so it can be sent again
                if time.monotonic() > until:
                    raise _away(error) from error
            except httpx.HTTPError as error:
                raise _away(error) from error
            if not told:
                note(f"{self.access.url} takes no connections; trying for {PATIENCE:.0f}s")
                told = True
            time.sleep(_PAUSE)

    def _headers(self) -> dict[str, str]:
        """The token file is read for every request, since tokens rotate."""
        headers = {"Accept": "application/json", "User-Agent": f"crossover-flags/{__version__}"}
        if self.tenant:
            headers["Crossover-Tenant"] = self.tenant
        if self.access.token_file is not None:
            try:
                headers["Authorization"] = f"Bearer {read_token(self.access.token_file)}"
            except CredentialError as error:
                raise Away(str(error), sent=False) from None
        return headers

    def _address(self, path: str) -> str:
        return f"{self.access.url.rstrip('/')}/v1/{path}"


def _nobody() -> ssl.SSLContext:
    """Plain HTTP trusts nobody, and need not load the system's certificates."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _answer(response: httpx.Response) -> Answer:
    return Answer(
        _content(response.status_code, response.headers, response.content), response.headers.get("etag", "")
    )


def _content(status: int, headers: Mapping[str, str], body: bytes) -> Json:
    reply = Reply(status, dict(headers), body)
    try:
        content = content_of(reply)
    except Unusable as error:
        raise Away(str(error), retry_after=retry_after(reply)) from None
    if isinstance(content, Problem):
        raise Refused(content)
    return content


def _check_stream(response: httpx.Response) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code == 200 and kind == "text/event-stream":
        return
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > _REFUSAL_LIMIT:
            break
    _content(response.status_code, response.headers, body)
    raise Away("what answers there is no change stream")


def _events(response: httpx.Response) -> Iterator[Event]:
    parser = Parser()
    try:
        for chunk in response.iter_raw():
            yield from parser.feed(chunk)
    except TooLong:
        raise Away("it sends what is no change stream") from None


def _away(error: httpx.HTTPError) -> Away:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Away(_ERRNO.sub("", str(error)) or "it takes no connections", sent=False)
    if isinstance(error, httpx.TimeoutException):
        return Away("it does not answer in time")
    return Away(str(error) or type(error).__name__)
