"""The demo as a newcomer runs it, and as somebody who presses Ctrl-C runs it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 120.0


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The demo in a folder of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "testbed.demo"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait(PATIENCE)
    assert process.stdout is not None
    process.stdout.close()


def read_until(process: subprocess.Popen[bytes], word: str) -> str:
    """What was printed up to `word`."""
    assert process.stdout is not None
    seen, until = b"", time.monotonic() + PATIENCE
    while word.encode() not in seen:
        ready, _, _ = select.select([process.stdout], [], [], until - time.monotonic())
        chunk = os.read(process.stdout.fileno(), 65536) if ready else b""
        assert chunk, f"{word!r} never came; this did: {seen.decode()}"
        seen += chunk
    return seen.decode()


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@contextlib.contextmanager
def taken(*ports: int) -> Iterator[None]:
    """The ports are somebody else's; those that already are stay so."""
    with contextlib.ExitStack() as stack:
        for port in ports:
            holder = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                holder.bind(("127.0.0.1", port))
                holder.listen()
        yield


@pytest.mark.timeout(300)
def test_it_ends_with_succeeded_and_leaves_nothing_behind_also_when_its_ports_are_taken(
    demo: subprocess.Popen[bytes],
) -> None:
    with taken(7233, 8233, 8787, 8788):
        said = read_until(demo, "prepare")
        children = family(demo)
        said += read_until(demo, "\nSucceeded\n")
    assert demo.wait(PATIENCE) == 0
    assert ":7233" not in said
    assert ":8787" not in said
    assert ":8788" not in said
    assert "not Argo" in said
    assert "3000 tables became 47775 entities" in said
    assert "fetch_columns: read 250 tables" in said
    assert "run ExtractMetadata Succeeded" in said
    assert len(children) >= 3
    assert not [child for child in children if child.is_running()]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("word", ["Temporal  127", "fetch_columns:"], ids=["before the run", "in the run"])
def test_ctrl_c_leaves_no_process_behind(demo: subprocess.Popen[bytes], word: str) -> None:
    read_until(demo, word)
    children = family(demo)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(PATIENCE) == 130
    assert children
    assert not [child for child in children if child.is_running()]
