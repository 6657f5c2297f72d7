"""The sidecar's HTTP, as a plain ASGI app: one route of Argo's, and one for people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from crossover.cli.plugin.agent import Agent
from crossover.cli.plugin.sidecar import EXECUTE, Sidecar
from crossover.cli.step.credentials import CredentialError

BODY_LIMIT = 2 << 20
"""Bytes. A template lies in an object of etcd, which takes 1.5 MB."""

RPC = "/api/v1/"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Reply = tuple[int, bytes]


class App:
    def __init__(self, agent: Agent, sidecar: Sidecar) -> None:
        self._agent = agent
        self._sidecar = sidecar

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _send(send, *await self._reply(scope, receive))

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        path: str = scope["path"]
        if path == "/healthz":
            return 200, b'{"status":"ok"}'
        if not path.startswith(RPC):
            return 404, b"There is nothing here but " + EXECUTE.encode()
        try:
            if not self._agent.knows(_authorization(scope["headers"])):
                return 403, b"The token is not that of this pod's agent."
        except CredentialError as error:
            return 503, f"There is no token to compare with yet: {error}".encode()
        return await self._rpc(scope["method"], path, receive)

    async def _rpc(self, method: str, path: str, receive: Receive) -> Reply:
        """A 404 would be the agent's last call: what we do not know, we leave to other plugins."""
        if path != EXECUTE:
            return 200, b"{}"
        if method != "POST":
            return 405, b"Send a POST."
        body = await _body(receive)
        if body is None:
            return 413, f"The body is larger than {BODY_LIMIT} bytes, which no template can be.".encode()
        return 200, await self._sidecar.execute(body, self._agent.instance)


def _authorization(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return next((value for name, value in headers if name == b"authorization"), b"")


async def _body(receive: Receive) -> bytes | None:
    """None for one that is too large."""
    found, more = bytearray(), True
    while more:
        message = await receive()
        found += message.get("body", b"")
        if len(found) > BODY_LIMIT:
            return None
        more = message.get("more_body", False)
    return bytes(found)


async def _send(send: Send, status: int, body: bytes) -> None:
    kind = b"application/json" if status == 200 else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
