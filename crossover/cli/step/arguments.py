"""The flags of `crossover step run` and the variables that stand in for them.

Imports argparse and nothing else of weight, so that `--help` answers at once; `options` checks the values.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

HELP_WIDTH = 110
HELP_COLUMN = 32

USAGE = "crossover step run --url URL (--app NAME | --workflow-type TYPE --task-queue QUEUE) [flags]"

DESCRIPTION = """\
Start a Temporal run for this Argo step, or attach to the one it already has; wait for it, print its progress,
write its outputs to files, and exit with its code.

Every flag has a variable, named in brackets; the flag wins. An empty value counts as not given.
Durations are seconds or, for example, 90s, 15m, 1h30m."""

EPILOG = """\
exit codes:
  0    the run succeeded
  1    the run failed, or is gone; or a declared output is missing
  2    the request or a flag is wrong: trying again is useless
  75   the bridge was away for longer than --outage-budget, or the step let go of its run: try again
  77   not allowed
  124  the run timed out
  130  cancelled          143  terminated or stopped

retryStrategy of a template that tries again only where that helps:
  expression: asInt(lastRetry.exitCode) in [-1, 75]"""


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


GROUPS = (
    Group(
        "the bridge",
        (
            Setting("url", "URL", "where the bridge is, for example http://crossover-bridge.crossover:8787"),
            Setting(
                "token-file",
                "FILE",
                "file with the bearer token; read for every request, since tokens rotate",
            ),
            Setting("ca-file", "FILE", "certificates (PEM) to trust instead of the system's"),
        ),
    ),
    Group(
        "what to run",
        (
            Setting("app", "NAME", "an app of the bridge's registry"),
            Setting("workflow-type", "TYPE", "instead of --app: the Temporal workflow type"),
            Setting("task-queue", "QUEUE", "with --workflow-type: its task queue"),
            Setting(
                "input", "JSON|@FILE|-", "the run's input, a JSON object: text, a file, or stdin", free=True
            ),
            Setting(
                "input-param",
                "KEY=VALUE",
                "one key of the input, as a string; repeatable; the variable has one per line",
                variable="CROSSOVER_INPUT_PARAMS",
                several=True,
                free=True,
            ),
            Setting(
                "execution-timeout",
                "DURATION",
                "the run's longest life; without it, until Argo's deadline, else the bridge's default",
            ),
            Setting(
                "scope",
                "node|attempt",
                "node: a retried pod re-attaches to the run; attempt: every Argo retry is a fresh run",
                "node",
            ),
            Setting("trace-id", "ID", "what ties the logs together; without it, the Argo workflow's name"),
        ),
    ),
    Group(
        "results",
        (
            Setting(
                "outputs-dir",
                "DIR",
                "one file per output parameter, and `result` with the whole result as JSON",
            ),
            Setting(
                "output",
                "NAME=/POINTER",
                "declare an output parameter by a JSON pointer into the result; repeatable; "
                "the variable has them by comma; without any, each top-level key of the result is one",
                variable="CROSSOVER_OUTPUTS",
                several=True,
            ),
            Setting("view-file", "FILE", "the run's view as JSON, replaced at every change"),
        ),
    ),
    Group(
        "stopping",
        (
            Setting(
                "on-cancel", "cancel|terminate|abandon", "what a cancelled step does to its run", "cancel"
            ),
            Setting("cancel-grace", "DURATION", "how long a cancelled run may take before it is terminated"),
            Setting(
                "on-sigterm",
                "auto|cancel|detach",
                "auto: cancel if Argo stopped the workflow or its deadline passed; "
                "let go (exit 75) if only the pod goes away",
                "auto",
            ),
            Setting(
                "stop-wait", "DURATION", "time between SIGTERM and exit, below the pod's grace period", "25s"
            ),
        ),
    ),
    Group(
        "waiting",
        (
            Setting(
                "outage-budget", "DURATION", "how long the bridge may be away before exit code 75", "10m"
            ),
            Setting(
                "poll-wait", "DURATION", "how long one status request waits for a change (at most 60s)", "30s"
            ),
            Setting("request-timeout", "DURATION", "how long a reply may take beyond that", "15s"),
        ),
    ),
    Group(
        "which Argo node this is",
        (
            Setting(
                "argo-namespace",
                "NAME",
                "{{workflow.namespace}}; without it, the service account's namespace",
            ),
            Setting("argo-workflow", "NAME", "{{workflow.name}}; without it, ARGO_WORKFLOW_NAME"),
            Setting("argo-uid", "UID", "{{workflow.uid}}"),
            Setting(
                "argo-node", "NAME", "{{node.name}}: constant across retries, so a retried pod finds its run"
            ),
            Setting("argo-retries", "NUMBER", "{{retries}}", "0"),
        ),
    ),
    Group(
        "printing",
        (Setting("color", "auto|always|never", "auto: on a terminal, unless NO_COLOR is set", "auto"),),
    ),
)

SETTINGS = {setting.key: setting for group in GROUPS for setting in group.settings}


class Given(NamedTuple):
    """A setting's value and where it came from, for messages: the flag or the variable."""

    value: str
    source: str


class Arguments:
    """What was given, flags first, then variables, then defaults."""

    def __init__(self, flags: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._flags = flags
        self._environ = environ

    def one(self, key: str) -> Given | None:
        """The value of a setting, or None when it was not given and has no default."""
        setting = SETTINGS[key]
        if value := self._flags.get(key):
            return Given(value, setting.flag)
        if value := self._environ.get(setting.environment, "").strip():
            return Given(value, setting.environment)
        return None if setting.default is None else Given(setting.default, setting.flag)

    def several(self, key: str, separator: str) -> list[Given]:
        """The values of a repeatable setting; its variable holds them divided by `separator`."""
        setting = SETTINGS[key]
        if flags := self._flags.get(key):
            return [Given(value, setting.flag) for value in flags if value]
        parts = self._environ.get(setting.environment, "").split(separator)
        return [Given(part.strip(), setting.environment) for part in parts if part.strip()]


def parse(arguments: Sequence[str], environ: Mapping[str, str]) -> Arguments:
    """Read the command line. Leaves the process for `--help` (0) and for flags that do not exist (2)."""
    root = argparse.ArgumentParser(
        prog="crossover step",
        usage="crossover step run [flags]",
        description="One Argo step as one Temporal run; `crossover step run --help` lists the flags.",
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    commands = root.add_subparsers(required=True, metavar="run", title="commands")
    run = commands.add_parser(
        "run",
        usage=USAGE,
        help="start or attach, wait, and exit with the run's code",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    for group in GROUPS:
        section = run.add_argument_group(group.title)
        for setting in group.settings:
            section.add_argument(
                setting.flag,
                metavar=setting.metavar,
                action="append" if setting.several else "store",
                help=setting.description.replace("%", "%%"),
            )
    return Arguments(vars(root.parse_args(arguments)), environ)


class _Formatter(argparse.HelpFormatter):
    """Wraps the flags' help, and leaves description and epilog as they are written."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(indent + line for line in text.splitlines(keepends=True))


def _formatter(prog: str) -> argparse.HelpFormatter:
    # A given width spares argparse the import of shutil and its compression modules.
    return _Formatter(prog, width=HELP_WIDTH, max_help_position=HELP_COLUMN)
