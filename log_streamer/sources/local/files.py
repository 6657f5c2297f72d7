"""Follows log files, whatever they hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path

from log_streamer.sources.local.forms import Form
from log_streamer.sources.local.tail import Tail
from log_streamer.sources.source import Denied, Gone

LOOK_EVERY = 0.04
"""Seconds between looks at a file that has nothing new: a part of the latency that people notice."""

NewForm = Callable[[Tail], Form]


def open_tail(path: Path, since: int | None) -> Tail:
    """Raises Gone when there is no such file, Denied."""
    try:
        return Tail(path, since)
    except (FileNotFoundError, NotADirectoryError):
        raise Gone(f"The log file {path.name} does not exist any more.") from None
    except PermissionError:
        raise Denied(f"The log file {path.name} may not be read by this process.") from None


async def chunks(
    tail: Tail, new_form: NewForm, *, follow: bool, ended: Callable[[], bool]
) -> AsyncGenerator[bytes, None]:
    """The log's lines.

    Args:
        ended: whether nothing more will be written; asked at each present end of a follow.

    Without `follow`, a line that is still being written is left to a later reading.
    Raises Gone when the file was removed under a follow.
    """
    form = new_form(tail)
    while True:
        last = ended()
        while data := tail.read():
            if lines := form.feed(data):
                yield lines
            await asyncio.sleep(0)
        if tail.turn(follow=follow):
            if lines := form.end():
                yield lines
            form = new_form(tail)
        elif not tail.turning:
            if last or not follow:
                break
            if tail.gone:
                raise Gone("The log file was removed.")
            await asyncio.sleep(LOOK_EVERY)
    if last and (lines := form.end()):
        yield lines


@asynccontextmanager
async def reading(
    path: Path, new_form: NewForm, *, since: int | None, follow: bool, ended: Callable[[], bool]
) -> AsyncGenerator[AsyncIterator[bytes], None]:
    """The log's lines while the block runs; see `chunks`. Raises Gone, Denied."""
    with closing(open_tail(path, since)) as tail:
        async with aclosing(chunks(tail, new_form, follow=follow, ended=ended)) as lines:
            yield lines
