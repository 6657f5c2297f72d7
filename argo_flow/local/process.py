"""One local process in a session of its own: its output, its end, and nothing of it left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal

from argo_flow.local.events import StreamName
from argo_flow.local.stop import Stop

GRACE = 30.0
"""Seconds between the first signal and SIGKILL: the default of terminationGracePeriodSeconds."""

DRAIN = 5.0
"""Seconds that output may take to arrive after the process and its group are gone."""

KILLED = 137
"""Exit code of a process that a signal ended (argo-workflows cmd/argoexec, exitCodeFromErr)."""


class Ended(Enum):
    EXITED = "exited"
    DEADLINE = "deadline"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended; `code` is 0..255."""

    code: int
    ended: Ended


async def run_process(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    on_chunk: Callable[[StreamName, bytes], None],
    stop: Stop,
    deadline: float | None = None,
    grace: float = GRACE,
) -> Exit:
    """Run `command` to its end.

    Args:
        on_chunk: called with what arrives on either stream, as it arrives.
        stop: when requested, the process group gets SIGINT, after `grace` seconds SIGKILL.
        deadline: seconds since the epoch; then SIGTERM, after `grace` seconds SIGKILL.

    When the process ends, or this call is cancelled, what is left of its group is killed: a container's other
    processes end with its first one, too. Raises OSError or ValueError when it cannot be started.
    """
    loop = asyncio.get_running_loop()
    transport, child = await loop.subprocess_exec(
        lambda: _Child(on_chunk),
        *command,
        env=dict(env),
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    group = transport.get_pid()
    try:
        ended = await _until_exit(child, group, stop, deadline, grace)
    finally:
        _signal(group, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                await child.closed.wait()
        transport.close()
    code = transport.get_returncode()
    return Exit(KILLED if code is None or code < 0 else code, ended)


class _Child(asyncio.SubprocessProtocol):
    """`exited` is about the process alone, `closed` also about its output, which others may hold open."""

    def __init__(self, on_chunk: Callable[[StreamName, bytes], None]) -> None:
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self._on_chunk = on_chunk

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._on_chunk("stdout" if fd == 1 else "stderr", data)

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()


async def _until_exit(child: _Child, group: int, stop: Stop, deadline: float | None, grace: float) -> Ended:
    ended = await _first(child, stop, deadline)
    if ended is Ended.EXITED:
        return ended
    _signal(group, signal.SIGINT if ended is Ended.STOPPED else signal.SIGTERM)
    exited = asyncio.create_task(child.exited.wait())
    impatient = asyncio.create_task(stop.insisted.wait())
    await _any_of((exited, impatient), grace)
    _signal(group, signal.SIGKILL)
    await child.exited.wait()
    return ended


async def _first(child: _Child, stop: Stop, deadline: float | None) -> Ended:
    exited = asyncio.create_task(child.exited.wait())
    stopped = asyncio.create_task(stop.requested.wait())
    remaining = None if deadline is None else max(0.0, deadline - time.time())
    await _any_of((exited, stopped), remaining)
    if child.exited.is_set():
        return Ended.EXITED
    return Ended.STOPPED if stop.requested.is_set() else Ended.DEADLINE


async def _any_of(waits: Sequence[asyncio.Task[Literal[True]]], timeout: float | None) -> None:
    try:
        await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
