"""A command from its arguments to its exit code. The one place that reads the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crossover.cli.step.arguments import Arguments, parse
from crossover.cli.step.settings import COMMANDS

if TYPE_CHECKING:
    from crossover.cli.step.options import Color
    from crossover.cli.step.terminal import Terminal


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code. Wrong flags are 2, as argparse has it."""
    try:
        given = parse(COMMANDS, arguments, os.environ)
    except SystemExit as leaving:  # argparse leaves by itself for --help and unknown flags
        return leaving.code if isinstance(leaving.code, int) else 2
    return _run(given)


def _run(given: Arguments) -> int:
    # Loaded here, not above: --help must not wait for HTTP and TLS.
    from crossover.cli.step.environment import read_pod
    from crossover.cli.step.terminal import plain
    from crossover.cli.step.usage import UsageError

    pod = read_pod(os.environ)
    try:
        match given.command:
            case "decide":
                from crossover.cli.step import decide

                asked = decide.resolve(given, pod)
                return decide.live(asked, pod, _terminal(asked.color))
            case "outcome":
                from crossover.cli.step import outcome

                told = outcome.resolve(given, pod)
                return outcome.live(told, pod, _terminal(told.color))
            case _:
                from crossover.cli.step import life, options

                wanted = options.resolve(given, pod)
                return life.live(wanted, pod, _terminal(wanted.color))
    except UsageError as error:
        print(f"crossover step {given.command}: {plain(str(error))}", file=sys.stderr)
        return 2


def _terminal(color: Color) -> Terminal:
    from crossover.cli.step import terminal

    return terminal.Terminal(color, os.environ, None if sys.stdout is None else sys.stdout.fileno())
