"""The process around the sidecar: `crossover plugin serve`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from crossover.cli.plugin.settings import Settings, SettingsError, documented, read_settings
from crossover.cli.step.__main__ import leave


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Serves until SIGTERM or SIGINT, and leaves the process: 2 for settings that cannot be used."""
    _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(f"crossover plugin serve: {error}", file=sys.stderr)
        leave(2)
    leave(_serve(settings))


def _serve(settings: Settings) -> int:
    from crossover.cli.plugin.server import serve

    try:
        serve(settings)
    except OSError as error:
        print(f"crossover plugin serve: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="crossover plugin",
        description="Argo's executor plugin: a sidecar of the agent pod that asks the bridge.",
        epilog=documented(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=["serve"], help="serve: until SIGTERM")
    parser.parse_args(arguments)


if __name__ == "__main__":
    main()
