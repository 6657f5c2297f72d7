"""`crossover step run` from its arguments to its exit code. The one place that reads the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from crossover.cli.step.arguments import Arguments, parse


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code. Wrong flags are 2, as argparse has it."""
    try:
        given = parse(arguments, os.environ)
    except SystemExit as leaving:  # argparse leaves by itself for --help and unknown flags
        return leaving.code if isinstance(leaving.code, int) else 2
    return _run(given)


def _run(given: Arguments) -> int:
    # Loaded here, not above: --help must not wait for HTTP and TLS.
    from crossover.cli.step.environment import read_pod
    from crossover.cli.step.options import resolve
    from crossover.cli.step.terminal import Terminal, plain
    from crossover.cli.step.usage import UsageError

    try:
        pod = read_pod(os.environ)
        options = resolve(given, pod)
    except UsageError as error:
        print(f"crossover step run: {plain(str(error))}", file=sys.stderr)
        return 2
    from crossover.cli.step.life import live

    descriptor = None if sys.stdout is None else sys.stdout.fileno()
    return live(options, pod, Terminal(options.color, os.environ, descriptor))
