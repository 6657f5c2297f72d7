"""`crossover`: what starts in pods loads only what it needs, and `step` and `plugin` start without number."""

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
    if sys.argv[2:] == ["serve"]:
        from crossover.cli.serve import SERVICES

        if serve := SERVICES.get(sys.argv[1]):
            serve()
            return
    from crossover.cli.commands import app

    app()


if __name__ == "__main__":
    main()
