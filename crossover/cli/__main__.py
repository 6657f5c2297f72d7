"""`crossover`: `step` runs on the standard library alone; everything else is loaded when asked for."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    if sys.argv[1:2] == ["step"]:
        from crossover.cli.step.__main__ import main as step

        step(sys.argv[2:])
    from crossover.cli.commands import app

    app()


if __name__ == "__main__":
    main()
