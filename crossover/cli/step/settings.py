"""The commands of `crossover step` and their settings."""

from __future__ import annotations

from crossover.cli.step.arguments import Command, Group, Setting

VARIABLES = """\
Every flag has a variable, named in brackets; the flag wins. An empty value counts as not given.
Durations are seconds or, for example, 90s, 15m, 1h30m."""

BRIDGE = Group(
    "the bridge",
    (
        Setting("url", "URL", "where the bridge is, for example http://crossover-bridge.crossover:8787"),
        Setting(
            "token-file", "FILE", "file with the bearer token; read for every request, since tokens rotate"
        ),
        Setting("ca-file", "FILE", "certificates (PEM) to trust instead of the system's"),
    ),
)

_NODE = (
    Setting("argo-namespace", "NAME", "{{workflow.namespace}}; without it, the service account's namespace"),
    Setting("argo-workflow", "NAME", "{{workflow.name}}; without it, ARGO_WORKFLOW_NAME"),
    Setting("argo-uid", "UID", "{{workflow.uid}}"),
    Setting("argo-node", "NAME", "{{node.name}}: constant across retries, so a retried pod finds its run"),
)
_TRACE = Setting("trace-id", "ID", "what ties the logs together; without it, the Argo workflow's name")
_REQUEST_TIMEOUT = Setting("request-timeout", "DURATION", "how long one reply may take", "5s")
_BUDGET = Setting("budget", "DURATION", "how long to try again while the bridge is away", "10s")

PRINTING = Group(
    "printing",
    (Setting("color", "auto|always|never", "auto: on a terminal, unless NO_COLOR is set", "auto"),),
)

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
                _TRACE,
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
        Group("which Argo node this is", (*_NODE, Setting("argo-retries", "NUMBER", "{{retries}}", "0"))),
        PRINTING,
    ),
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
                _TRACE,
            ),
        ),
        Group("results", (Setting("outputs-dir", "DIR", "where `variant` and `decision` are written"),)),
        Group("waiting", (_BUDGET, _REQUEST_TIMEOUT)),
        Group("which Argo node this is", _NODE),
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
                _BUDGET,
                _REQUEST_TIMEOUT,
            ),
        ),
        PRINTING,
    ),
)

COMMANDS = (RUN, DECIDE, OUTCOME)

SETTINGS = {setting.environment: setting for command in COMMANDS for setting in command.settings.values()}
"""Every setting by its variable."""
