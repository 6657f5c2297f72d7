"""The process around the command: `python -m crossover.cli.step run …`, or the start of a zipapp."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and leave the process with its exit code; `arguments` default to the process's own."""
    try:
        from crossover.cli.step.command import main as command

        code = command(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # Ctrl-C before our handlers are in place: nothing was sent
        code = 130
    except Exception as error:  # a bug before anything was sent; afterwards `life` says what it means
        print(f"crossover step: please report: {type(error).__name__}: {error}", file=sys.stderr)
        code = 1
    leave(code)


def leave(code: int) -> NoReturn:
    """End now, with exactly this code.

    Not `sys.exit`: a request that was given up may still be blocked inside OpenSSL on its thread while the
    interpreter is torn down, and a closed pipe would turn the code into 120 at the last flush.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:  # it was closed before we began
                stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
