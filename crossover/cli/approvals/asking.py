"""`crossover approvals request`: asks, and waits if it is told to, for steps that wait in a container."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from crossover.cli.approvals import view
from crossover.cli.approvals.arguments import details as json_object
from crossover.cli.flags.options import checked
from crossover.cli.flags.output import note, show
from crossover.cli.flags.session import Json, Session, Stop
from crossover.contract.durations import parse_duration
from crossover.contract.run import ExitCode

LONG_POLL = "20s"
"""Below the patience of the client for one answer."""

CODES = {"approved": ExitCode.SUCCEEDED, "expired": ExitCode.TIMED_OUT}
"""Of `--wait`; what was rejected or withdrawn has failed."""

_NODE = "Which Argo node asks"
_RUN = "Which run waits"


def _argo(name: str, variable: str) -> Any:
    return typer.Option(f"--argo-{name}", envvar=variable, show_default=False, rich_help_panel=_NODE)


def request(
    session: Session,
    title: Annotated[str, typer.Option(show_default=False, help="What is to be approved, in a line.")],
    description: Annotated[str, typer.Option(help="What else to know before deciding.")] = "",
    details: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", show_default=False, help="Facts, a JSON object.")
    ] = None,
    expires_in: Annotated[str, typer.Option(help="Then nobody can approve it any more.")] = "24h",
    four_eyes: Annotated[bool, typer.Option(help="Whoever started the work may not approve it.")] = True,
    requested_by: Annotated[
        str | None, typer.Option(show_default=False, help="On whose behalf; default: the caller.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(show_default=False, help="Tells several of one node or run apart.")
    ] = None,
    trace_id: Annotated[
        str | None, typer.Option(show_default=False, help="Default: the workflow's name, or the run's trace.")
    ] = None,
    argo_namespace: Annotated[str | None, _argo("namespace", "CROSSOVER_ARGO_NAMESPACE")] = None,
    argo_workflow: Annotated[str | None, _argo("workflow", "CROSSOVER_ARGO_WORKFLOW")] = None,
    argo_uid: Annotated[str | None, _argo("uid", "CROSSOVER_ARGO_UID")] = None,
    argo_node: Annotated[str | None, _argo("node", "CROSSOVER_ARGO_NODE")] = None,
    run: Annotated[
        str | None, typer.Option(show_default=False, help="A run's id.", rich_help_panel=_RUN)
    ] = None,
    signal: Annotated[
        str | None,
        typer.Option(show_default=False, help="The signal that it waits for.", rich_help_panel=_RUN),
    ] = None,
    suspend_node: Annotated[
        bool, typer.Option(help="Whether a suspend node of the workflow waits.", rich_help_panel=_NODE)
    ] = True,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the decision: exit 0 approved, 1 rejected, 124 expired.")
    ] = False,
    outage_budget: Annotated[str, typer.Option(help="How long the bridge may be away meanwhile.")] = "10m",
) -> int:
    """Ask for an approval, or find the one that this node or run has asked for.

    Without --wait a suspend node of the Argo workflow is completed when it is decided; with it, this command
    itself is what waits.
    """
    from crossover.cli.approvals.patience import Patience

    body: Json = {
        "title": title,
        "description": description,
        "details": checked("--details", details, json_object) if details else None,
        "expires_in": checked("--expires-in", expires_in, parse_duration),
        "four_eyes": four_eyes,
        "requested_by": requested_by,
        "name": name,
        "trace_id": trace_id,
        "argo": _node(argo_namespace, argo_workflow, argo_uid, argo_node),
        "run": _run(run, signal),
        "resumes": suspend_node and not wait,
    }
    given = {key: value for key, value in body.items() if value is not None}
    patience = Patience(session, checked("--outage-budget", outage_budget, parse_duration))
    found = patience.answer(lambda: session.client.send("POST", "approvals", given)).content
    if not wait:
        return _told(session, found, ExitCode.SUCCEEDED)
    if found["state"] == "pending":
        note(f"waiting for a decision: crossover approvals approve {found['id']}")
    path = f"approvals/{found['id']}"
    while found["state"] == "pending":
        found = patience.answer(lambda: session.client.get(path, wait=LONG_POLL)).content
    return _told(session, found, CODES.get(found["state"], ExitCode.FAILED))


def _told(session: Session, found: Json, code: int) -> int:
    if not session.answered(found):
        show(view.whole(session.screen, found))
    return code


def _node(*parts: str | None) -> Json | None:
    """Without its retries: a pod that is retried finds what the one before has asked for."""
    if not any(parts):
        return None
    names = ("namespace", "workflow", "uid", "node_name")
    if missing := [
        f"--argo-{name.removesuffix('_name')}" for name, part in zip(names, parts, strict=True) if not part
    ]:
        raise Stop(f"an Argo node is named by all of it; missing: {', '.join(missing)}")
    return dict(zip(names, parts, strict=True))


def _run(run: str | None, signal: str | None) -> Json | None:
    if (run is None) != (signal is None):
        raise Stop("a run that waits is named by --run and --signal")
    return {"id": run, "signal": signal} if run else None
