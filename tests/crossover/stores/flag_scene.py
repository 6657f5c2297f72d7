"""Documents, their versions, and stores that hold them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from crossover.flags.model import Document
from crossover.flags.version import Change, Version
from crossover.stores.file_flags import FileFlags
from crossover.stores.flag_copy import FlagCopy
from crossover.stores.flag_keeper import FlagKeeper, State
from crossover.stores.flag_store import FlagStore
from crossover.stores.redis_client import SILENCE, RedisAccess, connect
from crossover.stores.redis_flags import RedisFlags
from crossover.stores.redis_url import parse_redis_url
from testbed.redis import RedisServer
from tests.patience import PATIENCE

FLAG = "enable_crossover"

Opening = Callable[[], FlagStore]


def document(percentage: float = 0) -> Document:
    return Document.model_validate({"flags": {FLAG: {"rollout": [{"crossover": percentage}]}}})


def percentage(version: Version | None) -> float:
    """What `document` was made with; -1 without any."""
    return version.document.flags[FLAG].rollout[0].crossover if version else -1


def change(who: str = "ada", action: str = "put") -> Change:
    return Change(who, "a test", datetime.now(UTC), action, uuid.uuid4().hex)


def following(head: Version | None, percent: float, who: str = "ada") -> Version:
    content = document(percent)
    return head.followed_by(content, change(who)) if head else Version.first(content, change(who))


def building(percent: float) -> Callable[[Version | None], Version]:
    return lambda head: following(head, percent)


def counting(head: Version | None) -> Version:
    """One thousandth of a percent more: an update that is lost shows."""
    return following(head, round(max(percentage(head), 0) + 0.001, 3))


async def written(store: FlagStore, *percentages: float) -> list[Version]:
    """One version after the other."""
    versions, head = [], await store.head()
    for percent in percentages:
        head = following(head, percent)
        await store.put(head)
        versions.append(head)
    return versions


def redis_flags(
    url: str, prefix: str = "crossover", timeout: float = PATIENCE, silence: float = SILENCE
) -> RedisFlags:
    client = connect(parse_redis_url(url), RedisAccess(), timeout=timeout * 0.75, silence=silence)
    return RedisFlags(client, prefix=prefix, timeout=timeout)


@asynccontextmanager
async def stores(kind: str, server: RedisServer, directory: Path) -> AsyncGenerator[Opening, None]:
    """Each call opens one more view of the same store. Kinds: redis, json, yaml."""
    prefix, opened = uuid.uuid4().hex, list[FlagStore]()

    def opening() -> FlagStore:
        if kind == "redis":
            opened.append(redis_flags(server.url, prefix))
        else:
            path = directory / f"flags.{kind}"
            opened.append(FileFlags(path, writable=True, state=directory / "state", timeout=PATIENCE))
        return opened[-1]

    try:
        yield opening
    finally:
        for each in opened:
            await each.aclose()


@asynccontextmanager
async def kept(
    *opened: FlagStore, copy: Path | None = None, poll: float = 0.5, start_within: float = PATIENCE
) -> AsyncGenerator[list[FlagKeeper], None]:
    """A started keeper on each store, which follows it; the stores are closed at the end."""
    async with AsyncExitStack() as stack:
        keepers = []
        for store in opened:
            stack.push_async_callback(store.aclose)
            keeper = FlagKeeper(store, FlagCopy(copy) if copy else None, poll, start_within=start_within)
            await keeper.start()
            task = asyncio.create_task(keeper.run())
            stack.push_async_callback(_ended, task)
            keepers.append(keeper)
        yield keepers


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], bool], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.005)


async def until_state(keeper: FlagKeeper, state: State) -> None:
    await until(lambda: keeper.status.state == state)


async def until_found(look: Callable[[], Awaitable[bool]], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not await look():
            await asyncio.sleep(0.02)


def write(path: Path, percent: float) -> None:
    """As an operator does, with whatever tool."""
    path.write_text(json.dumps(document(percent).model_dump(mode="json", by_alias=True)))
