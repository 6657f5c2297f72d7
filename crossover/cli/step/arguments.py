"""What a command of `crossover step` can be told, by flags and by the variables that stand in for them.

Imports argparse and nothing else of weight, so that `--help` answers at once; `values` checks what was given.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

HELP_WIDTH = 110
HELP_COLUMN = 32


class Setting(NamedTuple):
    """One flag and its variable. `several` flags may be repeated; `free` text may hold `{{`."""

    name: str
    metavar: str
    help: str
    default: str | None = None
    variable: str = ""
    several: bool = False
    free: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.name

    @property
    def key(self) -> str:
        return self.name.replace("-", "_")

    @property
    def environment(self) -> str:
        return self.variable or "CROSSOVER_" + self.key.upper()

    @property
    def description(self) -> str:
        default = "" if self.default is None else f"; default {self.default}"
        return f"{self.help} [{self.environment}{default}]"


class Group(NamedTuple):
    title: str
    settings: tuple[Setting, ...]


class Command(NamedTuple):
    """`crossover step <name>`; `summary` is its line in the list of commands."""

    name: str
    usage: str
    summary: str
    description: str
    epilog: str
    groups: tuple[Group, ...]

    @property
    def settings(self) -> dict[str, Setting]:
        return {setting.key: setting for group in self.groups for setting in group.settings}


class Given(NamedTuple):
    """A setting's value and where it came from, for messages: the flag or the variable."""

    value: str
    source: str


class Arguments:
    """What one command was given, flags first, then variables, then defaults."""

    def __init__(self, command: Command, flags: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.command = command.name
        self.settings = command.settings
        self._flags = flags
        self._environ = environ

    def one(self, key: str) -> Given | None:
        """The value of a setting, or None when it was not given and has no default."""
        setting = self.settings[key]
        if value := self._flags.get(key):
            return Given(value, setting.flag)
        if value := self._environ.get(setting.environment, "").strip():
            return Given(value, setting.environment)
        return None if setting.default is None else Given(setting.default, setting.flag)

    def several(self, key: str, separator: str) -> list[Given]:
        """The values of a repeatable setting; its variable holds them divided by `separator`."""
        setting = self.settings[key]
        if flags := self._flags.get(key):
            return [Given(value, setting.flag) for value in flags if value]
        parts = self._environ.get(setting.environment, "").split(separator)
        return [Given(part.strip(), setting.environment) for part in parts if part.strip()]


def parse(commands: Sequence[Command], arguments: Sequence[str], environ: Mapping[str, str]) -> Arguments:
    """Read the command line. Leaves the process for `--help` (0) and for flags that do not exist (2)."""
    names = "|".join(command.name for command in commands)
    root = argparse.ArgumentParser(
        prog="crossover step",
        usage=f"crossover step {names} [flags]",
        description="One Argo step as one Temporal run; --help after a command lists its flags.",
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    parsers = root.add_subparsers(required=True, metavar=names, title="commands", dest="command")
    for command in commands:
        _add(parsers, command)
    flags = vars(root.parse_args(arguments))
    chosen = next(command for command in commands if command.name == flags["command"])
    return Arguments(chosen, flags, environ)


def _add(parsers: argparse._SubParsersAction[argparse.ArgumentParser], command: Command) -> None:
    parser = parsers.add_parser(
        command.name,
        usage=command.usage,
        help=command.summary,
        description=command.description,
        epilog=command.epilog,
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    for group in command.groups:
        section = parser.add_argument_group(group.title)
        for setting in group.settings:
            section.add_argument(
                setting.flag,
                metavar=setting.metavar,
                action="append" if setting.several else "store",
                help=setting.description.replace("%", "%%"),
            )


class _Formatter(argparse.HelpFormatter):
    """Wraps the flags' help, and leaves description and epilog as they are written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(indent + line for line in text.splitlines(keepends=True))


def _formatter(prog: str) -> argparse.HelpFormatter:
    # A given width spares argparse the import of shutil and its compression modules.
    return _Formatter(prog, width=HELP_WIDTH, max_help_position=HELP_COLUMN)
