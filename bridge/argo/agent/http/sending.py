"""Sends one request to an address that was judged, follows redirects alike, and reads a bounded answer."""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace

import httpx

from bridge.argo.agent.http.addresses import refusal
from bridge.argo.agent.http.problems import Unable, Unsuccessful
from bridge.argo.agent.http.request import checked_url
from bridge.argo.agent.http.rules import HttpRules, Network
from crossover.errors import cut

REDIRECTS = 10
"""As many as Go's client follows, which Argo's agent uses. Source: Go, net/http (`defaultCheckRedirect`)."""

ADDRESSES = 4
"""Of one name, that are tried."""

CONNECT = 5.0
"""Seconds for each of them."""

_SENSITIVE = frozenset(
    {"authorization", "cookie", "cookie2", "proxy-authorization", "www-authenticate", "host"}
)
_OF_BODIES = frozenset({"content-encoding", "content-language", "content-location", "content-type"})


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it is sent; `secret` headers go to the first origin only."""

    method: str
    url: httpx.URL
    headers: tuple[tuple[str, str], ...]
    secret: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes


class Sender:
    """One pair of transports, which keep no connection: a connection was judged for one host only.

    Args:
        api_url: the Kubernetes API, which is never called.
        allow: networks that may be reached although they are refused otherwise.
    """

    def __init__(self, rules: HttpRules, api_url: str | None, allow: Sequence[Network]) -> None:
        self._rules = rules
        self._api = httpx.URL(api_url) if api_url else None
        self._allow = allow
        self._careful = _transport(httpx.create_ssl_context())
        self._careless = _transport(_unverified())

    async def close(self) -> None:
        await self._careful.aclose()
        await self._careless.aclose()

    async def send(self, message: Message, *, insecure: bool) -> Answer:
        """Raises Unable and Unsuccessful. The caller limits the time."""
        transport = self._careless if insecure else self._careful
        for _ in range(REDIRECTS + 1):
            answer, location = await self._exchange(transport, message)
            if location is None:
                return answer
            message = redirected(message, answer.status, location)
        raise Unsuccessful(f"stopped after {REDIRECTS} redirects")

    async def _exchange(
        self, transport: httpx.AsyncHTTPTransport, message: Message
    ) -> tuple[Answer, str | None]:
        host = message.url.raw_host.decode("ascii")
        problem: Exception | None = None
        for address in await self._addresses(message.url):
            try:
                response = await transport.handle_async_request(addressed(message, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
                continue
            except httpx.HTTPError as error:
                raise _broken(host, error) from None
            try:
                return await self._read(response)
            except httpx.HTTPError as error:
                raise _broken(host, error) from None
            finally:
                await response.aclose()
        raise Unsuccessful(f"cannot connect to {host}: {cut(str(problem) or type(problem).__name__)}")

    async def _read(self, response: httpx.Response) -> tuple[Answer, str | None]:
        location = response.headers.get("Location")
        if location and response.status_code in (301, 302, 303, 307, 308):
            return Answer(response.status_code, response.headers, b""), location
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise Unable(f"the response is encoded ({encoding[:32]}), which it was asked not to be")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._rules.response_limit:
                raise Unable(
                    f"the response is larger than {self._rules.response_limit} bytes, the agent's limit"
                )
        return Answer(response.status_code, response.headers, bytes(body)), None

    async def _addresses(self, url: httpx.URL) -> list[str]:
        """Where the host is: all of it may be called, or none."""
        host = url.raw_host.decode("ascii")
        if not self._rules.permits(host):
            raise Unable(f"{host} is not among the hosts that the agent's settings allow")
        found = await _resolved(url)
        for address in found:
            if words := refusal(address, self._rules.refuse, self._allow):
                raise Unable(f"{host} is refused: its address is {words}")
        if self._api and _port(url) == _port(self._api) and {*found} & {*await _resolved(self._api)}:
            raise Unable(f"{host} is refused: its address is the Kubernetes API's")
        return found[:ADDRESSES]


def redirected(message: Message, status: int, location: str) -> Message:
    """The next request, as Go's client makes it, except that nothing secret goes to another origin."""
    try:
        url = checked_url(str(message.url.join(location)))
    except httpx.InvalidURL:
        raise Unsuccessful("the response redirects to something that is not a URL") from None
    next_one = replace(message, url=url)
    if _origin(url) != _origin(message.url):
        plain = tuple(each for each in message.headers if each[0].lower() not in _SENSITIVE)
        next_one = replace(next_one, headers=plain, secret=())
    if status in (307, 308) or message.method in ("GET", "HEAD"):
        return next_one
    kept = tuple(each for each in next_one.headers if each[0].lower() not in _OF_BODIES)
    return replace(next_one, method="GET", headers=kept, body=b"")


def addressed(message: Message, address: str) -> httpx.Request:
    """To `address`, and otherwise as if it had been found by name: Host, and TLS by the host's name."""
    url = message.url.copy_with(userinfo=b"")
    headers = [(name, value.strip(" \t").encode()) for name, value in (*message.headers, *message.secret)]
    given = {name.lower() for name, _ in headers}
    defaults = {
        "Host": url.netloc,
        "User-Agent": b"crossover-agent",
        "Accept-Encoding": b"identity",
        **({"Authorization": _basic(message.url)} if message.url.userinfo else {}),
    }
    headers = [(name, value) for name, value in defaults.items() if name.lower() not in given] + headers
    return httpx.Request(
        message.method,
        url.copy_with(host=address),
        headers=[(name.encode(), value) for name, value in headers],
        content=message.body or None,
        extensions={"sni_hostname": url.raw_host.decode("ascii"), "timeout": _TIMEOUT},
    )


_TIMEOUT = httpx.Timeout(None, connect=CONNECT).as_dict()


def _basic(url: httpx.URL) -> bytes:
    return b"Basic " + b64encode(f"{url.username}:{url.password}".encode())


def _transport(verify: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    """No client around it: that would keep strangers' cookies. No pool either: it goes by address, and would
    take a connection that was made for another host there."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncHTTPTransport(verify=verify, limits=limits, trust_env=False)


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _broken(host: str, error: httpx.HTTPError) -> Exception:
    """Without the error's own text: it may repeat a header."""
    kind = type(error).__name__
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return Unable(f"the request cannot be sent ({kind})")
    return Unsuccessful(f"the connection to {host} broke ({kind})")


async def _resolved(url: httpx.URL) -> list[str]:
    """Raises Unsuccessful."""
    host = url.raw_host.decode("ascii")
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, _port(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unsuccessful(f"{host} cannot be resolved") from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _origin(url: httpx.URL) -> tuple[str, bytes, int]:
    return url.scheme, url.raw_host, _port(url)
