"""What a command says: results to standard output, words about itself to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from crossover.cli.logs.safe import safe
from crossover.cli.step.options import Color


def show(lines: Iterable[str]) -> None:
    """Lines for people."""
    print("".join(f"{line}\n" for line in lines), end="", flush=True)


def show_json(value: Any, *, indent: int | None = 2) -> None:
    """In ASCII it is safe on a terminal too; DEL is the one control that JSON leaves as it is."""
    print(json.dumps(value, indent=indent).replace("\x7f", "\\u007f"), flush=True)


def note(text: str) -> None:
    """One line about the command itself."""
    sys.stdout.flush()
    print(f"crossover: {safe(text)}", file=sys.stderr, flush=True)


def colored(color: Color, environ: Mapping[str, str]) -> bool:
    """As `crossover step run` has it (https://no-color.org)."""
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    tty = sys.stdout is not None and os.isatty(sys.stdout.fileno())
    return tty and environ.get("TERM") != "dumb" and not environ.get("NO_COLOR")
