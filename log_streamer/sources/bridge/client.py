"""The bridge's run API, asked in the viewer's name."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx

from log_streamer.sources.http import failure, ok
from log_streamer.sources.source import Away

TIMEOUT = 15.0
"""Seconds for an answer."""

SILENCE = 45.0
"""Seconds after which an event stream is dead: the bridge sends a comment every 15 s."""

_WHO = "The bridge"
_LIST_PAGES = 10
_LIST_LIMIT = 200
_HISTORY_LIMIT = 1000


class Bridge:
    """One bridge. `close` it in the end."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=None)
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, limits=limits)

    async def close(self) -> None:
        await self._http.aclose()

    async def decisions(self, tenant: str, trace_id: str, token: str | None) -> list[dict[str, Any]]:
        """Which way the trace's nodes were decided. Raises SourceError."""
        params = {"tenant": tenant, "trace_id": trace_id}
        found: list[dict[str, Any]] = (await self._get("/v1/decisions", params, token))["decisions"]
        return found

    async def runs(self, tenant: str, trace_id: str, token: str | None) -> list[dict[str, Any]]:
        """Views of the trace's runs, newest first, without pending activities. Raises SourceError."""
        found: list[dict[str, Any]] = []
        params: dict[str, str] = {"tenant": tenant, "trace_id": trace_id, "limit": str(_LIST_LIMIT)}
        for _ in range(_LIST_PAGES):
            page = await self._get("/v1/runs", params, token)
            found += page["runs"]
            if not page.get("next_page_token"):
                break
            params["page_token"] = page["next_page_token"]
        return found

    async def history(self, run: str, token: str | None, *, pages: int) -> list[dict[str, Any]]:
        """The first events of the run's newest Temporal run. Raises SourceError."""
        found: list[dict[str, Any]] = []
        params = {"limit": str(_HISTORY_LIMIT)}
        for _ in range(pages):
            page = await self._get(f"/v1/runs/{quote(run)}/history", params, token)
            found += page["events"]
            if not page.get("next_page_token"):
                break
            params["page_token"] = page["next_page_token"]
        return found

    @asynccontextmanager
    async def views(self, run: str, token: str | None) -> AsyncGenerator[AsyncIterator[dict[str, Any]]]:
        """The run's view now and at each change, until the run is over. Raises SourceError."""
        request = self._http.build_request(
            "GET",
            f"/v1/runs/{quote(run)}/events",
            headers=_headers(token),
            timeout=httpx.Timeout(TIMEOUT, read=SILENCE),
        )
        try:
            reply = await self._http.send(request, stream=True)
            try:
                await ok(reply, _WHO)
                yield _views(reply.aiter_bytes())
            finally:
                await reply.aclose()
        except httpx.HTTPError as error:
            raise failure(error, _WHO) from error

    async def _get(self, path: str, params: dict[str, str], token: str | None) -> dict[str, Any]:
        try:
            reply = await self._http.get(path, params=params, headers=_headers(token))
            await ok(reply, _WHO)
            found: dict[str, Any] = reply.json()
        except httpx.HTTPError as error:
            raise failure(error, _WHO) from error
        except ValueError as error:
            raise Away(f"{_WHO}'s answer is no JSON.") from error
        return found


async def _views(chunks: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any], None]:
    """What `state` events hold; the bridge writes one `data` line for each, after its `event` line."""
    rest, event = b"", b""
    try:
        async for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                field, _, value = line.strip().partition(b": ")
                if field == b"event":
                    event = value
                elif field == b"data" and event == b"state":
                    yield json.loads(value)
    except httpx.HTTPError as error:
        raise failure(error, _WHO) from error
    except ValueError as error:
        raise Away(f"{_WHO} sent a view that is no JSON.") from error


def _headers(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
