"""`crossover step decide` and `crossover step outcome`, and their settings."""

from __future__ import annotations

from crossover.cli.step.arguments import Command, Group, Setting
from crossover.cli.step.shared_settings import (
    BRIDGE,
    BUDGET,
    NODE,
    PRINTING,
    REQUEST_TIMEOUT,
    TRACE,
    VARIABLES,
)

DECIDE = Command(
    "decide",
    "crossover step decide --url URL [--app NAME] [flags]",
    "ask which way this node goes: legacy, shadow or crossover",
    f"""\
Ask the bridge which way this Argo node goes, and write the answer to files: `variant` (legacy, shadow or
crossover) and `decision` (all of it, as JSON). Asked again for the same node, the answer is the same.
Whatever goes wrong means legacy, with the reason in the decision's `note`.

{VARIABLES}""",
    """\
exit codes:
  0    decided, or legacy because the bridge could not be asked or would not answer
  1    the files cannot be written
  2    a flag is wrong
  130  interrupted        143  stopped; no file was written""",
    (
        BRIDGE,
        Group(
            "what to decide",
            (
                Setting("flag", "NAME", "the flag that decides", "enable_crossover"),
                Setting("app", "NAME", "the app that would run, for rules that name one"),
                Setting("connector", "NAME", "its connector, for rules that name one"),
                Setting("environment", "NAME", "where this is, for rules that name one"),
                TRACE,
            ),
        ),
        Group("results", (Setting("outputs-dir", "DIR", "where `variant` and `decision` are written"),)),
        Group("waiting", (BUDGET, REQUEST_TIMEOUT)),
        Group("which Argo node this is", NODE),
        PRINTING,
    ),
)

OUTCOME = Command(
    "outcome",
    "crossover step outcome --url URL --decision JSON --side SIDE [flags]",
    "tell the bridge how one side of a decided node went",
    f"""\
Tell the bridge how one side of a decided node went: what staged rollouts are judged by. Shadow's outputs are
compared with legacy's. Without --phase the side is the node's run, and the bridge is asked how that went.

{VARIABLES}""",
    """\
exit codes:
  0    told, or not: an outcome that gets lost never fails a step
  2    a flag is wrong
  130  interrupted        143  stopped""",
    (
        BRIDGE,
        Group(
            "how it went",
            (
                Setting(
                    "decision", "JSON|@FILE", "what `crossover step decide` wrote to `decision`", free=True
                ),
                Setting("side", "legacy|shadow|crossover", "whose outcome this is"),
                Setting("phase", "PHASE", "the phase of its Argo node, {{tasks.NAME.status}}"),
                Setting("started-at", "TIME", "{{tasks.NAME.startedAt}}"),
                Setting("finished-at", "TIME", "{{tasks.NAME.finishedAt}}"),
                Setting("duration", "DURATION", "instead of the two: how long it took"),
                Setting(
                    "result",
                    "JSON|@FILE",
                    "its outputs, at most 64 KiB; without it, the run's result",
                    free=True,
                ),
                Setting(
                    "compare-with",
                    "JSON|@FILE",
                    "with --side shadow: legacy's result, at most 64 KiB",
                    free=True,
                ),
                Setting(
                    "ignore",
                    "/POINTER",
                    "a place in the outputs that may differ; repeatable; the variable has them by comma",
                    several=True,
                ),
            ),
        ),
        Group(
            "waiting",
            (
                Setting(
                    "wait", "DURATION", "how long to wait for the run to be over, where it is asked", "0s"
                ),
                BUDGET,
                REQUEST_TIMEOUT,
            ),
        ),
        PRINTING,
    ),
)
