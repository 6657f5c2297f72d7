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

from log_streamer.sources.kubernetes.access import Access, tls_context
from log_streamer.sources.source import Away, Denied, Gone, NotReady, SourceError

Params = Mapping[str, str]

READ_SIZE = 1 << 17
"""Bytes that one connection holds for us; larger reads miss the processor's cache."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is waited for what, in seconds.

    Args:
        connect: for the connection, and TLS.
        answer: for the head of an answer, and for the whole of a JSON answer.
    """

    connect: float = 5.0
    answer: float = 15.0


class Expired(SourceError):
    """The resource version is too old to watch from: list again."""


class Rejected(SourceError):
    """400: what is wrong with the request or, for logs, with the container."""


class KubernetesClient:
    """One pool of connections without a limit: what is open is limited by the feed's streams."""

    def __init__(self, access: Access, limits: Limits | None = None) -> None:
        self._access = access
        self._limits = limits or Limits()
        self._session: aiohttp.ClientSession | None = None
        self._server_name: str | None = None
        self._host = ""
        self._proxy: str | None = None

    async def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """A JSON object. Raises SourceError: Away, Denied, Gone, Expired, Rejected."""
        try:
            async with asyncio.timeout(self._limits.answer):
                response = await self._request(path, params or {}, quiet=None)
                async with response:
                    found = orjson.loads(await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError) as error:
            raise _away(error) from error
        if not isinstance(found, dict):
            raise Away("The Kubernetes API answers with something else than an object.")
        return found

    @asynccontextmanager
    async def stream(
        self, path: str, params: Params, *, quiet: float
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """A body in chunks, as they come. It ends as if finished after `quiet` seconds without a byte.

        Raises SourceError, on entering and on the way; NotReady for an answer without content.
        """
        try:
            async with asyncio.timeout(self._limits.answer):
                response = await self._request(path, params, quiet=quiet)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _away(error) from error
        try:
            if response.status == 204:
                raise NotReady("There is no log yet: the pod has no node.")
            yield _chunks(response)
        finally:
            response.close()

    async def close(self) -> None:
        if self._session:
            await self._session.close()
            self._session = None

    async def _request(self, path: str, params: Params, *, quiet: float | None) -> aiohttp.ClientResponse:
        """A good answer, with its body still to read. Credentials that were replaced are taken at once."""
        headers = await self._access.headers()
        response = await self._send(path, params, headers, quiet)
        if response.status == 401 and await self._access.forget(headers):
            response.close()
            response = await self._send(path, params, await self._access.headers(), quiet)
        if response.status in (200, 204):
            return response
        async with response:
            raise _refusal(response, await response.content.read(8192))

    async def _send(
        self, path: str, params: Params, headers: Mapping[str, str], quiet: float | None
    ) -> aiohttp.ClientResponse:
        session = self._session or await self._open()
        return await session.get(
            self._host + path,
            params=params,
            headers={"Accept": "application/json, */*", "Accept-Encoding": "identity", **headers},
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


def _refusal(response: aiohttp.ClientResponse, body: bytes) -> SourceError:
    status, said = response.status, _message(body)
    if status in (401, 403):
        return Denied(f"The Kubernetes API refuses us ({status}): {said}" if said else f"Refused ({status}).")
    if status == 404:
        return Gone("The Kubernetes API knows of no such thing.")
    if status == 410:
        return Expired("The resource version is too old.")
    if status == 429 or status >= 500:
        return Away(f"The Kubernetes API is not well ({status}).", retry_after=_retry_after(response))
    return Rejected(said or f"The Kubernetes API rejects the request ({status}).")


def _message(body: bytes) -> str:
    """Of a Status object."""
    try:
        status = orjson.loads(body)
    except ValueError:
        return ""
    return str(status.get("message", ""))[:500] if isinstance(status, dict) else ""


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """The API sends whole seconds."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None
