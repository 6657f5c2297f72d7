"""Requests to the Kubernetes API: JSON objects, and bodies that are read as they come.

Bodies are read raw. The Watch of kubernetes.aio 37 asks for a pod's log again and again once that has ended
(as in https://github.com/tomplus/kubernetes_asyncio/issues/329), dies of invalid UTF-8, and turns every pod
into models; its pool ends at 100 connections, where the next follow waits in silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from crossover.kubernetes.access import Access, tls_context
from crossover.kubernetes.errors import (
    ApiError,
    Away,
    Contended,
    Denied,
    Expired,
    Missing,
    Rejected,
    TooLarge,
)

Params = Mapping[str, str]
Object = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"

READ_SIZE = 1 << 17
"""Bytes that one connection holds for us; larger reads miss the processor's cache."""

_SAID_TOO_LARGE = (
    "etcdserver: request is too large",
    "Request entity too large",
    "trying to send message larger",
)
"""How an object beyond etcd's 1.5 MB is refused: with 500 by the API server, which knows no better."""

_OK = frozenset({200, 201, 202, 204})


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is waited for what, in seconds.

    Args:
        connect: for the connection, and TLS.
        answer: for the head of an answer, and for the whole of a JSON answer.
    """

    connect: float = 5.0
    answer: float = 15.0


class KubernetesClient:
    """One pool of connections without a limit: what is open is limited by who uses it."""

    def __init__(self, access: Access, limits: Limits | None = None) -> None:
        self._access = access
        self._limits = limits or Limits()
        self._session: aiohttp.ClientSession | None = None
        self._server_name: str | None = None
        self._host = ""
        self._proxy: str | None = None

    async def get(self, path: str, params: Params | None = None) -> Object:
        """A JSON object. Raises ApiError."""
        return await self._object("GET", path, params, None)

    async def post(self, path: str, body: Object) -> Object:
        """Raises ApiError; Contended: it exists."""
        return await self._object("POST", path, None, body)

    async def put(self, path: str, body: Object) -> Object:
        """Raises ApiError; Contended: its resourceVersion is not the newest."""
        return await self._object("PUT", path, None, body)

    async def patch(self, path: str, body: Object) -> Object:
        """A merge patch. Repeating one that may have been done is safe. Raises ApiError."""
        return await self._object("PATCH", path, None, body)

    @asynccontextmanager
    async def stream(
        self, path: str, params: Params, *, quiet: float
    ) -> AsyncGenerator[AsyncIterator[bytes] | None, None]:
        """A body in chunks, as they come. It ends as if finished after `quiet` seconds without a byte.

        None for an answer without content. Raises ApiError, on entering and on the way.
        """
        try:
            async with asyncio.timeout(self._limits.answer):
                response = await self._request("GET", path, params, None, quiet=quiet)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _away(error) from error
        try:
            yield None if response.status == 204 else _chunks(response)
        finally:
            response.close()

    async def close(self) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    async def _object(self, method: str, path: str, params: Params | None, body: Object | None) -> Object:
        try:
            async with asyncio.timeout(self._limits.answer):
                response = await self._request(method, path, params or {}, body, quiet=None)
                async with response:
                    found = orjson.loads(await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError) as error:
            raise _away(error) from error
        if not isinstance(found, dict):
            raise Away("The Kubernetes API answers with something else than an object.")
        return found

    async def _request(
        self, method: str, path: str, params: Params, body: Object | None, *, quiet: float | None
    ) -> aiohttp.ClientResponse:
        """A good answer, with its body still to read. Credentials that were replaced are taken at once."""
        data = None if body is None else orjson.dumps(body)
        headers = await self._access.headers()
        response = await self._send(method, path, params, data, headers, quiet)
        if response.status == 401 and await self._access.forget(headers):
            response.close()
            response = await self._send(method, path, params, data, await self._access.headers(), quiet)
        if response.status in _OK:
            return response
        async with response:
            raise _refusal(response, await response.content.read(8192))

    async def _send(
        self,
        method: str,
        path: str,
        params: Params,
        data: bytes | None,
        headers: Mapping[str, str],
        quiet: float | None,
    ) -> aiohttp.ClientResponse:
        session = self._session or await self._open()
        content = {"Content-Type": MERGE_PATCH if method == "PATCH" else "application/json"} if data else {}
        return await session.request(
            method,
            self._host + path,
            params=params,
            data=data,
            headers={"Accept": "application/json, */*", "Accept-Encoding": "identity", **content, **headers},
            timeout=aiohttp.ClientTimeout(sock_connect=self._limits.connect, sock_read=quiet),
            allow_redirects=False,
            proxy=self._proxy,
            server_hostname=self._server_name,
        )

    async def _open(self) -> aiohttp.ClientSession:
        configuration = await self._access.configuration()
        self._host, self._proxy = configuration.host.rstrip("/"), configuration.proxy
        self._server_name = configuration.tls_server_name
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, ssl=tls_context(configuration))
            self._session = aiohttp.ClientSession(
                connector=connector, read_bufsize=READ_SIZE, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except aiohttp.SocketTimeoutError:
        return
    except (aiohttp.ClientError, OSError) as error:
        raise _away(error) from error


def _away(error: Exception) -> Away:
    """Without the error's text: it may hold addresses."""
    return Away(f"The Kubernetes API does not answer ({type(error).__name__}).")


def _refusal(response: aiohttp.ClientResponse, body: bytes) -> ApiError:
    status, found = response.status, _status(body)
    said = str(found.get("message", ""))[:500]
    if status == 413 or any(words in said for words in _SAID_TOO_LARGE):
        return TooLarge("The object is too large for the Kubernetes API.")
    if status in (401, 403):
        return Denied(f"The Kubernetes API refuses us ({status}): {said}" if said else f"Refused ({status}).")
    if status == 404 and found.get("reason") == "NotFound":
        return Missing("The Kubernetes API knows of no such thing.")
    if status == 409:
        return Contended("The object was changed or made by somebody else.")
    if status == 410:
        return Expired("The resource version is too old.")
    if status in (404, 429) or status >= 500:
        # A proxy without backends answers 404 as well, and means nothing by it.
        return Away(f"The Kubernetes API is not well ({status}).", retry_after=_retry_after(response))
    return Rejected(said or f"The Kubernetes API rejects the request ({status}).")


def _status(body: bytes) -> Object:
    """A Status object; empty where the answer is none."""
    try:
        status = orjson.loads(body)
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """The API sends whole seconds."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None
