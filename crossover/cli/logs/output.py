"""Standard output and standard error, written straight to their descriptors: nothing waits in a buffer."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from crossover.cli.logs.safe import safe


class ReaderGone(Exception):
    """Whoever read our output has closed it, as `head` does."""


def write_lines(lines: Iterable[str]) -> None:
    """To standard output. Raises ReaderGone."""
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    try:
        while content:
            content = content[os.write(1, content) :]
    except OSError as error:
        raise ReaderGone from error


def note(text: str) -> None:
    """One line about the command itself, to standard error."""
    print(f"crossover logs: {safe(text)}", file=sys.stderr, flush=True)
