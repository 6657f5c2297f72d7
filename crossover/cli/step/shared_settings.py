"""What several commands of `crossover step` can be told."""

from __future__ import annotations

from crossover.cli.step.arguments import Group, Setting

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

NODE = (
    Setting("argo-namespace", "NAME", "{{workflow.namespace}}; without it, the service account's namespace"),
    Setting("argo-workflow", "NAME", "{{workflow.name}}; without it, ARGO_WORKFLOW_NAME"),
    Setting("argo-uid", "UID", "{{workflow.uid}}"),
    Setting("argo-node", "NAME", "{{node.name}}: constant across retries, so a retried pod finds its run"),
)
TRACE = Setting("trace-id", "ID", "what ties the logs together; without it, the Argo workflow's name")
REQUEST_TIMEOUT = Setting("request-timeout", "DURATION", "how long one reply may take", "5s")
BUDGET = Setting("budget", "DURATION", "how long to try again while the bridge is away", "10s")

PRINTING = Group(
    "printing",
    (Setting("color", "auto|always|never", "auto: on a terminal, unless NO_COLOR is set", "auto"),),
)
