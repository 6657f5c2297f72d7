"""The Docker Engine API, which Podman speaks too, on a unix socket."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from log_streamer.sources.http import failure, ok
from log_streamer.sources.source import Away

TIMEOUT = 10.0
"""Seconds for an answer to begin. A followed log may then be quiet for ever."""


class Engine:
    """A container engine. `close` it in the end."""

    def __init__(self, socket: Path) -> None:
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket), limits=httpx.Limits(max_connections=None)),
            base_url="http://engine",
            timeout=TIMEOUT,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def containers(self, label: str) -> list[dict[str, Any]]:
        """All containers, ended ones too, with `label` (`key` or `key=value`). Raises SourceError."""
        filters = json.dumps({"label": [label]})
        found: list[dict[str, Any]] = await self._get("/containers/json", {"all": "true", "filters": filters})
        return found

    async def inspect(self, container: str) -> dict[str, Any]:
        """Raises Gone when there is no such container, and other SourceErrors."""
        found: dict[str, Any] = await self._get(f"/containers/{container}/json", {})
        return found

    @asynccontextmanager
    async def logs(self, container: str, *, since: str, follow: bool) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The raw log. `since`: seconds since the epoch, `0` for all. Raises SourceError."""
        params = {
            "stdout": "true",
            "stderr": "true",
            "timestamps": "true",
            "since": since,
            "follow": str(follow).lower(),
        }
        request = self._http.build_request(
            "GET", f"/containers/{container}/logs", params=params, timeout=httpx.Timeout(TIMEOUT, read=None)
        )
        try:
            reply = await self._http.send(request, stream=True)
            try:
                await ok(reply, "The container engine")
                yield reply.aiter_raw()
            finally:
                await reply.aclose()
        except httpx.HTTPError as error:
            raise failure(error, "The container engine") from error

    async def _get(self, path: str, params: Mapping[str, str]) -> Any:
        try:
            reply = await self._http.get(path, params=dict(params))
            await ok(reply, "The container engine")
            return reply.json()
        except httpx.HTTPError as error:
            raise failure(error, "The container engine") from error
        except ValueError as error:
            raise Away("The container engine's answer is no JSON.") from error
