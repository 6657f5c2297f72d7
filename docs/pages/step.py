"""docs/step.md: the flags and variables of the `crossover step` commands, and the exit codes of `run`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from crossover.cli.step.arguments import Command, Group
from crossover.cli.step.flag_settings import DECIDE, OUTCOME
from crossover.cli.step.run_settings import RUN
from crossover.contract.run import ExitCode
from docs.pages.markdown import code, fence, page, table


class Meaning(NamedTuple):
    """An exit code's meaning, whether trying again helps, and the expression that does."""

    meaning: str
    again: str
    expression: str = ""


EXIT_CODES: dict[ExitCode, Meaning] = {
    ExitCode.SUCCEEDED: Meaning("The run succeeded; its outputs are written.", "-"),
    ExitCode.FAILED: Meaning(
        "The run failed or is gone, or it completed without a declared output.",
        "if the work may succeed the next time: the retry of a failed run is a fresh one, on top of "
        "Temporal's own retries (a completed run stays as it is)",
        'lastRetry.exitCode == "1"',
    ),
    ExitCode.USAGE: Meaning("The request or a flag is wrong.", "no: it would be wrong again"),
    ExitCode.UNAVAILABLE: Meaning(
        "The bridge or Temporal was away for longer than `--outage-budget`, or only the pod went away "
        "and the step let go of its run.",
        "always: the run goes on meanwhile, and the next pod re-attaches to it",
        'lastRetry.exitCode == "75"',
    ),
    ExitCode.NOT_ALLOWED: Meaning("The token is unknown, or may not do this.", "no: an operator has to act"),
    ExitCode.TIMED_OUT: Meaning(
        "The run did not end within its execution timeout.",
        "if it was bad luck: the retry is a fresh run with the whole time again",
        'lastRetry.exitCode == "124"',
    ),
    ExitCode.CANCELLED: Meaning(
        "The run was cancelled, or a person pressed Ctrl-C.", "no: somebody wanted it to end"
    ),
    ExitCode.TERMINATED: Meaning(
        "The run was terminated, or Argo stopped the step and the run was still ending when it left.",
        "no: somebody wanted it to end",
    ),
}

ARGOS = {
    "-1": Meaning("The pod was lost before it had an exit code.", "always", 'lastRetry.exitCode == "-1"'),
    "64": Meaning("Argo's executor failed.", "always", 'lastRetry.exitCode == "64"'),
    "65": Meaning("Argo's executor failed before the step began.", "always", 'lastRetry.exitCode == "65"'),
    "137": Meaning("The step was killed, mostly for memory.", "always", 'lastRetry.exitCode == "137"'),
}
"""Codes that a step never gives itself, but a retryStrategy sees."""

LOST = ("-1", "64", "65", "75", "137")
RECIPES = {
    "Only what is no fault of the work: a lost pod, Argo's own failures, a bridge that was away": (
        "lastRetry.exitCode in [" + ", ".join(f'"{each}"' for each in LOST) + "]"
    ),
    "The same, and failed and timed-out runs too: everything but what is hopeless or was stopped": (
        'lastRetry.exitCode not in ["2", "77", "130", "143"]'
    ),
}

INTRO = """\
Starts a Temporal run for an Argo step, or attaches to the one it already has; waits for it, prints its
progress, writes its outputs to files, and exits with its code."""

EXIT_INTRO = """\
`lastRetry.exitCode` is a string in a `retryStrategy.expression`; with an expression and no `retryPolicy`,
Argo's policy is `Always`."""

RECIPE_INTRO = """\
Give every strategy a `limit`: Argo waits for the `backoff` only then. The shipped template
(`argo_templates/step/workflow-template.yaml`) adds a limit of its own for failed runs, its parameter
`run-retries`."""


ABOUT = """\
One Argo step as one Temporal run: `run` is the step, `decide` says before it whether it is to be one, and
`outcome` tells afterwards how it went.

Each flag has a variable that stands in for it; the flag wins, and an empty value counts as not given.
Durations are seconds or, for example, `90s`, `15m`, `1h30m`."""

DECIDE_INTRO = """\
Asks the bridge which way this Argo node goes, and writes the answer to two files: `variant` (`legacy`,
`shadow` or `crossover`) and `decision`, all of it as JSON, for `run` and `outcome`. Asked again for the same
node, the answer is the same. Whatever goes wrong means legacy, with the reason in the decision's `note`, and
exit code 0: only a wrong flag (2), files that cannot be written (1) and a signal (130, 143) end it
otherwise."""

OUTCOME_INTRO = """\
Tells the bridge how one side of a decided node went, which is what staged rollouts are judged by. Without
`--phase` the side is the node's run, and the bridge is asked how that went. What cannot be told is lost and
fails nothing: only a wrong flag (2) and a signal (130, 143) end it with anything but 0."""


def render() -> str:
    return page(
        "crossover step",
        "crossover/cli/step/*_settings.py and docs/pages/step.py",
        ABOUT,
        *_command(RUN, INTRO),
        "### Exit codes",
        EXIT_INTRO,
        table(["code", "meaning", "try again?", "expression"], _exit_rows()),
        RECIPE_INTRO,
        *(part for title, text in RECIPES.items() for part in (f"{title}:", fence("yaml", _strategy(text)))),
        *_command(DECIDE, DECIDE_INTRO),
        *_command(OUTCOME, OUTCOME_INTRO),
    )


def _command(command: Command, intro: str) -> Iterator[str]:
    yield f"## crossover step {command.name}"
    yield fence("text", command.usage)
    yield intro
    for group in command.groups:
        yield from _group(group)


def _group(group: Group) -> tuple[str, str]:
    head = ["flag", "variable", "default", "what"]
    rows = [
        [
            code(f"{setting.flag} {setting.metavar}"),
            code(setting.environment),
            code(setting.default or ""),
            _sentence(setting.help),
        ]
        for setting in group.settings
    ]
    return f"### {group.title[0].upper()}{group.title[1:]}", table(head, rows)


def _sentence(text: str) -> str:
    """Argo's variables as code: braces mean something to more than one renderer."""
    return text.replace("{{", "`{{").replace("}}", "}}`")


def _exit_rows() -> Iterator[list[str]]:
    for number in ExitCode:
        meaning, again, expression = EXIT_CODES[number]
        yield [str(int(number)), meaning, again, code(expression)]
    for text, (meaning, again, expression) in ARGOS.items():
        yield [f"{text} (not the step's)", meaning, again, code(expression)]


def _strategy(expression: str) -> str:
    return f"""\
retryStrategy:
  limit: "5"
  expression: >-
    {expression}
  backoff: {{duration: 5s, factor: "2"}}"""
