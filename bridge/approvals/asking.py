"""From a request to the approval it asks for. Pure."""

from __future__ import annotations

from bridge.approvals.record import ApprovalRecord, RunTarget, approval_id, digest
from bridge.approvals.request import ApprovalRequest, SuspendNode
from bridge.steps.engine import Snapshot
from bridge.steps.record import Callback, RunRecord
from crossover.contract.run import tenant_of

_ALIKE = {"expires_in"}
"""What two requests for the same approval may differ in."""


def id_of(request: ApprovalRequest, run: Snapshot | None) -> str:
    """The same for a repeated request. A run that was started anew asks anew: its chain is part of it."""
    node = request.argo
    by_node = [node.namespace, node.workflow, node.uid, node.node_name, node.retries] if node else None
    by_run = [run.ref.id, run.first_run_id, request.run.signal] if run and request.run else None
    source = request.name or (node.node_name if node else request.run.signal if request.run else "")
    return approval_id(source, by_node, by_run, request.name)


def record_of(request: ApprovalRequest, run: Snapshot | None, starter: str) -> ApprovalRecord:
    """`run` is the one that waits, where one does."""
    known = RunRecord.from_memo(run.memo, tenant=tenant_of(run.ref.id) or "") if run else None
    workflow = request.argo.workflow if request.argo else ""
    return ApprovalRecord(
        title=request.title,
        description=request.description,
        details=request.details,
        requested_by=request.requested_by or starter,
        starter=starter,
        trace_id=request.trace_id or workflow or (known.trace_id if known else ""),
        expires_in=request.expires_in,
        four_eyes=request.four_eyes,
        fingerprint=digest(request.model_dump(mode="json", exclude=_ALIKE)),
        argo=request.argo.node() if request.argo else None,
        callback=_callback(request),
        run=RunTarget(run.ref.id, request.run.signal, run.first_run_id) if run and request.run else None,
        origin=known.argo if known else None,
    )


def _callback(request: ApprovalRequest) -> Callback | None:
    if request.argo is None or not request.resumes:
        return None
    node = request.callback or SuspendNode()
    return Callback(node.node_id, node.input, node.value or "")
