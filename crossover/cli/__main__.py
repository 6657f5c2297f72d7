"""`crossover`: `step` and `plugin` start in pods without number, so they load only what they need."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    if sys.argv[1:2] == ["step"]:
        from crossover.cli.step.__main__ import main as step

        step(sys.argv[2:])
    if sys.argv[1:2] == ["plugin"]:
        from crossover.cli.plugin.__main__ import main as plugin

        plugin(sys.argv[2:])
    from crossover.cli.commands import app

    app()


if __name__ == "__main__":
    main()
