"""One connection to the feed: a request, and its events until it ends or breaks."""

from __future__ import annotations

import json
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from crossover import __version__
from crossover.cli.logs.options import Options
from crossover.cli.logs.sse import Parser, TooLong
from crossover.cli.step.client import Reply
from crossover.cli.step.credentials import CredentialError, read_certificates, read_token
from crossover.cli.step.replies import Problem, Unusable, content_of, retry_after

CONNECT_TIMEOUT = 10.0
SILENCE = 45.0
"""Seconds: three heartbeats of the feed; a connection that is silent for longer is dead."""

_REFUSAL_LIMIT = 65536


class Message(NamedTuple):
    """An event of the feed: a list of records, or one object. `cursor` resumes after it."""

    event: str
    data: list[Any] | dict[str, Any]
    cursor: str


class Away(Exception):
    """No feed could be had, or it broke: try again."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Refused(Exception):
    """The service said no."""

    def __init__(self, problem: Problem, retry_after: float | None) -> None:
        super().__init__(problem.detail + (f" (parameter {problem.field})" if problem.field else ""))
        self.problem = problem
        self.retry_after = retry_after


class Feed:
    """Opens connections, one at a time. Redirects and proxies are not followed: they would get the token."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._client = httpx.Client(
            verify=read_certificates(options.ca_file) if options.url.startswith("https") else _nobody(),
            trust_env=False,
            timeout=httpx.Timeout(CONNECT_TIMEOUT, read=SILENCE),
        )

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def opened(
        self, query: list[tuple[str, str]], cursor: str
    ) -> Generator[Iterator[list[Message]], None, None]:
        """Messages, those of each network read together; empty lists are heartbeats.

        Raises Away and Refused, on entering or on the way. A feed that ends without a word just ends.
        """
        try:
            with self._client.stream(
                "GET", self._options.address, params=tuple(query), headers=self._headers(cursor)
            ) as response:
                _check(response)
                yield _messages(response)
        except CredentialError as error:
            raise Away(str(error)) from None
        except httpx.TimeoutException as error:
            raise Away("it does not answer in time") from error
        except httpx.HTTPError as error:
            raise Away(str(error) or type(error).__name__) from error

    def _headers(self, cursor: str) -> dict[str, str]:
        headers = {
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            "User-Agent": f"crossover-logs/{__version__}",
        }
        if cursor:
            headers["Last-Event-ID"] = cursor
        if self._options.token_file is not None:
            headers["Authorization"] = f"Bearer {read_token(self._options.token_file)}"
        return headers


def _nobody() -> ssl.SSLContext:
    """Plain HTTP trusts nobody, and need not load the system's certificates."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _check(response: httpx.Response) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code == 200 and kind == "text/event-stream":
        return
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > _REFUSAL_LIMIT:
            break
    reply = Reply(response.status_code, dict(response.headers), body)
    try:
        content = content_of(reply)
    except Unusable as error:
        raise Away(str(error), retry_after(reply)) from None
    if not isinstance(content, Problem):
        raise Away("what answers there is no log feed")
    if content.retryable:
        raise Away(content.detail, retry_after(reply))
    raise Refused(content, retry_after(reply))


def _content(data: str) -> list[Any] | dict[str, Any]:
    content = json.loads(data)
    if not isinstance(content, list | dict):
        raise ValueError
    return content


def _messages(response: httpx.Response) -> Iterator[list[Message]]:
    parser = Parser()
    try:
        for chunk in response.iter_raw():
            yield [Message(name, _content(data), cursor) for name, data, cursor in parser.feed(chunk)]
    except (ValueError, RecursionError, TooLong) as error:
        raise Away("it sends what is no log feed") from error
