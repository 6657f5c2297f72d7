"""The Argo Server's HTTP API: objects, watches, logs and artifacts.

Streams are asked for as `text/event-stream`, since only then does the server send a comment every 15 s,
by which a dead connection can be told from a quiet one; what comes back as bare JSON lines is read too.
Source: argoproj/pkg grpc/http/forwarders.go; recorded traffic in tests/recordings/argo.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from crossover.identity.token_file import read_token
from log_streamer.sources.http import failure, ok
from log_streamer.sources.source import Away, Denied, Gone, SourceError, WorkflowRef

TIMEOUT = 10.0
"""Seconds for an answer, or for the next part of an artifact."""

SILENCE = 60.0
"""Seconds after which a stream that brings not even comments is dead, or of a server that sends none."""

_WHO = "The Argo Server"
_GRPC = {5: Gone, 7: Denied, 16: Denied, 4: Away, 8: Away, 14: Away}
"""What codes of gRPC mean in a stream, where HTTP has already said 200."""


class ArgoServer:
    """One Argo Server. `close` it in the end.

    Args:
        token_file: read at each request, as projected tokens rotate.
    """

    def __init__(self, url: str, token_file: Path | None = None, ca_file: Path | None = None) -> None:
        self._token_file = token_file
        verify = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        limits = httpx.Limits(max_connections=None)
        self._http = httpx.AsyncClient(base_url=url, timeout=TIMEOUT, verify=verify, limits=limits)

    async def close(self) -> None:
        await self._http.aclose()

    async def workflow(self, ref: WorkflowRef) -> dict[str, Any]:
        """The Workflow, else the newest archived one of its name. Raises Gone, and other SourceErrors."""
        try:
            return await self._get(f"/api/v1/workflows/{_path(ref.namespace, ref.name)}", {})
        except Gone as live:
            if (archived := await self._archived(ref)) is None:
                raise live from None
            return archived

    async def _archived(self, ref: WorkflowRef) -> dict[str, Any] | None:
        """None also from a server that has no archive, or does not show it to us."""
        selector = f"metadata.namespace={ref.namespace},metadata.name={ref.name}"
        params = {"listOptions.fieldSelector": selector, "namespace": ref.namespace}
        try:
            rows = (await self._get("/api/v1/archived-workflows", params)).get("items") or []
            rows = [row["metadata"] for row in rows if row["metadata"].get("name") == ref.name]
            if not rows:
                return None
            newest = max(rows, key=lambda row: row.get("creationTimestamp") or "")
            return await self._get(f"/api/v1/archived-workflows/{_path(newest['uid'])}", {})
        except Away:
            raise
        except SourceError:
            return None

    @asynccontextmanager
    async def events(self, ref: WorkflowRef) -> AsyncGenerator[AsyncIterator[list[dict[str, Any]]]]:
        """The workflow's watch, from the present object on: `{"type", "object"}`. Raises SourceError."""
        path = f"/api/v1/workflow-events/{_path(ref.namespace)}"
        params = {"listOptions.fieldSelector": f"metadata.name={ref.name}"}
        async with self._stream(path, params) as results:
            yield results

    @asynccontextmanager
    async def log(
        self,
        ref: WorkflowRef,
        pod: str,
        container: str,
        *,
        since: int | None = None,
        follow: bool = False,
        tail: int | None = None,
    ) -> AsyncGenerator[AsyncIterator[list[dict[str, Any]]]]:
        """A pod's log, a `{"content", "podName"}` for each line. Raises SourceError."""
        params = {
            "podName": pod,
            "logOptions.container": container,
            "logOptions.follow": str(follow).lower(),
            "logOptions.timestamps": "true",
        }
        if since is not None:
            params["logOptions.sinceTime.seconds"] = str(since)
        if tail is not None:
            params["logOptions.tailLines"] = str(tail)
        path = f"/api/v1/workflows/{_path(ref.namespace, ref.name)}/log"
        async with self._stream(path, params) as results:
            yield results

    @asynccontextmanager
    async def artifact(
        self, ref: WorkflowRef, archived_uid: str | None, node: str, name: str
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        """An output artifact's bytes; `archived_uid` of a workflow that is only in the archive."""
        whose = ("archived-workflows", archived_uid) if archived_uid else ("workflows", ref.name)
        path = f"/artifact-files/{_path(ref.namespace, *whose, node, 'outputs', name)}"
        async with self._open(path, {}, {}, TIMEOUT) as reply:
            yield reply.aiter_bytes()

    @asynccontextmanager
    async def _stream(
        self, path: str, params: Mapping[str, str]
    ) -> AsyncGenerator[AsyncIterator[list[dict[str, Any]]]]:
        async with self._open(path, params, {"Accept": "text/event-stream"}, SILENCE) as reply:
            yield results(reply.aiter_bytes())

    @asynccontextmanager
    async def _open(
        self, path: str, params: Mapping[str, str], headers: Mapping[str, str], silence: float
    ) -> AsyncGenerator[httpx.Response]:
        timeout = httpx.Timeout(TIMEOUT, read=silence)
        request = self._http.build_request(
            "GET", path, params=dict(params), headers={**self._headers(), **headers}, timeout=timeout
        )
        try:
            reply = await self._http.send(request, stream=True)
            try:
                await ok(reply, _WHO)
                yield reply
            finally:
                await reply.aclose()
        except httpx.HTTPError as error:
            raise failure(error, _WHO) from error

    async def _get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        try:
            reply = await self._http.get(path, params=dict(params), headers=self._headers())
            await ok(reply, _WHO)
            found = reply.json()
        except httpx.HTTPError as error:
            raise failure(error, _WHO) from error
        except ValueError as error:
            raise Away(f"{_WHO}'s answer is no JSON.") from error
        if not isinstance(found, dict):
            raise Away(f"{_WHO}'s answer is no object.")
        return found

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            return {"Authorization": f"Bearer {read_token(self._token_file)}"}
        except OSError as error:
            raise Denied(f"The Argo Server's token file cannot be read: {error.strerror}.") from error


async def results(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[dict[str, Any]], None]:
    """What the messages of a stream hold, in either framing, as they arrive.

    Raises SourceError for an error among them.
    """
    rest = b""
    try:
        async for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for found in _messages(lines):
                yield found
    except httpx.ReadTimeout:
        return  # as good as cut: who reads opens anew where needed
    except httpx.HTTPError as error:
        raise failure(error, _WHO) from error


def _messages(lines: list[bytes]) -> Iterator[list[dict[str, Any]]]:
    """In one list; what came before an error is given out before it is raised."""
    found: list[dict[str, Any]] = []
    try:
        found.extend(message for line in lines if (message := _message(line)) is not None)
    except SourceError:
        yield found
        raise
    if found:
        yield found


def _message(line: bytes) -> dict[str, Any] | None:
    """Nothing for blank lines and comments of the event stream."""
    text = line.removeprefix(b"data:").strip()
    if not text or text.startswith(b":"):
        return None
    try:
        message = json.loads(text)
        if error := message.get("error"):
            raise _error(error)
        result: dict[str, Any] = message["result"]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Away(f"{_WHO} sent a message that is none.") from error
    return result


def _error(error: Mapping[str, Any]) -> SourceError:
    code = error.get("grpc_code", error.get("code", 0))
    return _GRPC.get(code, Away)(f"{_WHO} broke off: {str(error.get('message', ''))[:300]}")


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)
