"""Our own tokens for other systems: one that cannot be sent is not shown instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.argo.server import ArgoServer as ArgoServerOfTheBridge
from bridge.argo.workflows import from_kubernetes
from crossover.contract.run import ArgoNode
from crossover.identity.kubernetes_api import KubernetesApi
from log_streamer.sources.argo_server.client import ArgoServer
from log_streamer.sources.source import WorkflowRef

SECRET = "never-to-be-seen"
NODE = ArgoNode("argo", "wf", "u", "wf.step")


@asynccontextmanager
async def listening() -> AsyncGenerator[str, None]:
    """Clients look at their headers only once they are connected."""

    async def hear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _bridge_asks_argo(url: str, token: Path) -> None:
    workflows = ArgoServerOfTheBridge.at(url, token, None)
    try:
        await workflows.get(NODE)
    finally:
        await workflows.close()


async def _bridge_asks_kubernetes(url: str, token: Path) -> None:
    workflows = from_kubernetes(url, token, None)
    try:
        await workflows.get(NODE)
    finally:
        await workflows.close()


async def _tokens_are_reviewed(url: str, token: Path) -> None:
    api = KubernetesApi(url, token, None)
    try:
        await api.review("a.b.c", "crossover")
    finally:
        await api.aclose()


async def _log_streamer_asks_argo(url: str, token: Path) -> None:
    server = ArgoServer(url, token, None)
    try:
        await server.workflow(WorkflowRef("argo", "wf"))
    finally:
        await server.close()


@pytest.mark.parametrize("between", ["\n", "\r\nx-other: 1\r\n", " ", "\t", "\x00", "é", "\x7f"], ids=repr)
@pytest.mark.parametrize(
    "ask", [_bridge_asks_argo, _bridge_asks_kubernetes, _tokens_are_reviewed, _log_streamer_asks_argo]
)
async def test_a_file_that_holds_no_token_is_told_of_without_what_it_holds(
    ask: Callable[[str, Path], Awaitable[None]],
    between: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "token").write_text(SECRET + between + SECRET)
    async with listening() as url:
        with pytest.raises(Exception, match=r"cannot|does not") as refused:
            await ask(url, tmp_path / "token")
    assert SECRET not in str(refused.value)
    assert SECRET not in repr(refused.value.__cause__)
    assert SECRET not in caplog.text
