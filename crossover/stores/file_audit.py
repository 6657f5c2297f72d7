"""The audit in a file: one line of JSON per entry, appended by any number of processes of one machine.

Rotation is left to the operator, by renaming or by copying and truncating. A writer that does not find its
last line where it left it begins with a line that tells what its chain goes on from; so each file can be
checked by itself, and several, put together oldest first, as one. What cannot be told from a rotation: that
somebody took the file, or the oldest entries of it together with such a line. Nor does a file know its
end: of the entries cut off there only the one that a living process wrote last is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from crossover.audit import Entry
from crossover.audit_chain import Chains, Link, from_line, to_line
from crossover.stores.audit_log import Sink
from crossover.stores.leases import StoreAway

BLOCK = 65536
"""Bytes per read."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Left:
    """Where this process left the file: its last line, and that line's place."""

    offset: int
    line: bytes
    link: Link


class FileAudit(Sink):
    """Every batch is on disk when `append` returns, as a whole or not at all, unless the process is killed in
    the midst of it: that leaves a torn line at most, which nobody reads.

    Args:
        timeout: seconds for one append or read, the wait for other processes included.
        verify_timeout: seconds for looking at the whole file.
    """

    def __init__(self, path: Path, *, timeout: float = 2.0, verify_timeout: float = 60.0) -> None:
        self._path = path
        self._timeout = timeout
        self._verify_timeout = verify_timeout
        self._one = threading.Lock()
        self._left: dict[str, _Left] = {}

    async def append(self, entries: Sequence[Entry]) -> None:
        if entries:
            await self._in_thread(lambda until: self._append(entries, until), self._timeout)

    async def read(self, *, tenant: str | None, after: str | None, limit: int) -> list[Entry]:
        if after is not None and not (after.isdecimal() and len(after) < 19):
            raise ValueError("this is no id of an audit entry")
        end = None if after is None else int(after)
        return await self._in_thread(lambda until: self._read(tenant, end, limit, until), self._timeout)

    async def verify(self, witnesses: Mapping[str, Link]) -> list[str]:
        return await self._in_thread(lambda until: self._verify(witnesses, until), self._verify_timeout)

    async def aclose(self) -> None:
        """The file is open only during a call."""

    async def _in_thread(self, work: Callable[[float], _T], seconds: float) -> _T:
        """Raises StoreAway: also when the disk hangs, which no thread can be called back from."""
        try:
            async with asyncio.timeout(seconds + 0.5):
                return await asyncio.to_thread(work, time.monotonic() + seconds)
        except TimeoutError:
            raise StoreAway(f"The audit file takes longer than {seconds:g} s.") from None
        except OSError as error:
            raise StoreAway(
                f"The audit file cannot be used: {error.strerror or type(error).__name__}."
            ) from None

    def _append(self, entries: Sequence[Entry], until: float) -> None:
        if not self._one.acquire(timeout=max(0.0, until - time.monotonic())):
            raise TimeoutError
        try:
            with _opened(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as file:
                _lock(file, until)
                self._append_to(file, entries)
        finally:
            self._one.release()

    def _append_to(self, file: int, entries: Sequence[Entry]) -> None:
        writer, left = entries[0].writer, self._left.get(entries[0].writer)
        new = [entry for entry in entries if left is None or entry.number > left.link.number]
        if not new:
            return
        size = os.fstat(file).st_size
        head = b"" if size == 0 or os.pread(file, 1, size - 1) == b"\n" else b"\n"
        if left is not None and os.pread(file, len(left.line), left.offset) != left.line:
            head += _anchor_line(writer, left.link)
        lines = [to_line(entry).encode() + b"\n" for entry in new]
        _write_whole(file, head + b"".join(lines), size)
        offset = size + len(head) + sum(map(len, lines[:-1]))
        self._left[writer] = _Left(offset, lines[-1], Link(new[-1].number, new[-1].hash))

    def _read(self, tenant: str | None, end: int | None, limit: int, until: float) -> list[Entry]:
        found: list[Entry] = []
        mark = b"" if tenant is None else f'"tenant":{json.dumps(tenant)}'.encode()
        with contextlib.suppress(FileNotFoundError), _opened(self._path, os.O_RDONLY) as file:
            for offset, line in _backwards(file, end, until):
                entry = _entry(line, str(offset)) if mark in line else None
                if entry is not None and tenant in (None, entry.event.tenant):
                    found.append(entry)
                if len(found) == limit:
                    break
        return found

    def _verify(self, witnesses: Mapping[str, Link], until: float) -> list[str]:
        chains = Chains(witnesses=witnesses)
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            # Complete lines only: another process may be at the last one.
            for line in file:
                _within(until)
                if line.endswith(b"\n"):
                    _look(chains, line)
        return chains.problems()


def _look(chains: Chains, line: bytes) -> None:
    """A line that cannot be read says nothing: if it was an entry, its chain has a gap, and that tells."""
    if (entry := _entry(line, "")) is not None:
        chains.add(entry)
    elif (anchor := _anchor(line)) is not None:
        chains.anchor(*anchor)


def _entry(line: bytes, id: str) -> Entry | None:
    try:
        return from_line(line, id)
    except ValueError:
        return None


def _anchor_line(writer: str, link: Link) -> bytes:
    return json.dumps({"continues": writer, "number": link.number, "hash": link.hash}).encode() + b"\n"


def _anchor(line: bytes) -> tuple[str, Link] | None:
    try:
        value = json.loads(line)
        return str(value["continues"]), Link(int(value["number"]), str(value["hash"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _lock(file: int, until: float) -> None:
    """Until the file is closed. Not a lock that waits: whoever holds it may be stopped for ever."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            _within(until)
            time.sleep(0.005)


def _write_whole(file: int, data: bytes, size: int) -> None:
    """Appends and syncs `data`, or puts the file back to `size` bytes and raises OSError."""
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)
        raise


def _backwards(file: int, end: int | None, until: float) -> Iterator[tuple[int, bytes]]:
    """The complete lines before `end`, last first, each with its place."""
    size = os.fstat(file).st_size
    at, tail = min(size, end if end is not None else size), b""
    while at > 0:
        _within(until)
        start = max(0, at - BLOCK)
        lines = (os.pread(file, at - start, start) + tail).split(b"\n")
        place = start + sum(len(line) + 1 for line in lines)
        for line in reversed(lines[1:]):
            place -= len(line) + 1
            yield place, line
        at, tail = start, lines[0]
    if tail:
        yield 0, tail


def _within(until: float) -> None:
    if time.monotonic() > until:
        raise TimeoutError
