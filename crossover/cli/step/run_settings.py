"""`crossover step run` and its settings."""

from __future__ import annotations

from crossover.cli.step.arguments import Command, Group, Setting
from crossover.cli.step.shared_settings import BRIDGE, NODE, PRINTING, TRACE, VARIABLES

RUN = Command(
    "run",
    "crossover step run --url URL (--app NAME | --workflow-type TYPE --task-queue QUEUE) [flags]",
    "start or attach, wait, and exit with the run's code",
    f"""\
Start a Temporal run for this Argo step, or attach to the one it already has; wait for it, print its progress,
write its outputs to files, and exit with its code.

{VARIABLES}""",
    """\
exit codes:
  0    the run succeeded
  1    the run failed, or is gone; or a declared output is missing
  2    the request or a flag is wrong: trying again is useless
  75   the bridge was away for longer than --outage-budget, or the step let go of its run: try again
  77   not allowed
  124  the run timed out
  130  cancelled          143  terminated or stopped

retryStrategy of a template that tries again only where that helps:
  expression: asInt(lastRetry.exitCode) in [-1, 75]""",
    (
        BRIDGE,
        Group(
            "what to run",
            (
                Setting("app", "NAME", "an app of the bridge's registry"),
                Setting("workflow-type", "TYPE", "instead of --app: the Temporal workflow type"),
                Setting("task-queue", "QUEUE", "with --workflow-type: its task queue"),
                Setting(
                    "input",
                    "JSON|@FILE|-",
                    "the run's input, a JSON object: text, a file, or stdin",
                    free=True,
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
                TRACE,
                Setting(
                    "decision",
                    "JSON|@FILE",
                    "what `crossover step decide` wrote to its file `decision` for this node",
                    free=True,
                ),
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
                Setting(
                    "cancel-grace", "DURATION", "how long a cancelled run may take before it is terminated"
                ),
                Setting(
                    "on-sigterm",
                    "auto|cancel|detach",
                    "auto: cancel if Argo stopped the workflow or its deadline passed; "
                    "let go (exit 75) if only the pod goes away",
                    "auto",
                ),
                Setting(
                    "stop-wait",
                    "DURATION",
                    "time between SIGTERM and exit, below the pod's grace period",
                    "25s",
                ),
            ),
        ),
        Group(
            "waiting",
            (
                Setting(
                    "until",
                    "end|start",
                    "end: follow the run to its end; start: exit with 0, without outputs, once it is started",
                    "end",
                ),
                Setting(
                    "outage-budget",
                    "DURATION",
                    "how long the bridge may be away before exit code 75",
                    "10m",
                ),
                Setting(
                    "poll-wait",
                    "DURATION",
                    "how long one status request waits for a change (at most 60s)",
                    "30s",
                ),
                Setting("request-timeout", "DURATION", "how long a reply may take beyond that", "15s"),
            ),
        ),
        Group("which Argo node this is", (*NODE, Setting("argo-retries", "NUMBER", "{{retries}}", "0"))),
        PRINTING,
    ),
)
