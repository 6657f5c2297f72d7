"""From Temporal's messages to approvals, and the queries that find them. Pure."""

from __future__ import annotations

from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import WorkflowExecutionInfo

from bridge.approvals.record import ApprovalRecord, Kept, State, Verdict
from bridge.steps.engine import Status
from bridge.temporal.messages import to_status, to_time
from bridge.temporal.payloads import from_fields, from_payloads
from crossover.contract.names import SEARCH_TRACE_ID
from crossover.contract.run import valid_segment, valid_tenant

APPROVAL = "crossover-approval"
EFFECT = "crossover-approval-effect"
"""Workflow types, task queues that nobody polls, and the first part of the ids."""

_STATUS = {State.PENDING: "Running", State.EXPIRED: "TimedOut"}


def execution_id(kind: str, tenant: str, approval: str) -> str:
    return f"{kind}/{tenant}/{approval}"


def names_of(kind: str, id: str) -> tuple[str, str] | None:
    """The tenant and the approval."""
    parts = id.split("/")
    if len(parts) != 3 or parts[0] != kind or not valid_tenant(parts[1]) or not valid_segment(parts[2]):
        return None
    return parts[1], parts[2]


def kept_of(namespace: str, info: WorkflowExecutionInfo) -> Kept | None:
    """Without its verdict: one that was terminated counts as withdrawn until that is read."""
    names, record = (
        names_of(APPROVAL, info.execution.workflow_id),
        ApprovalRecord.from_memo(from_fields(info.memo.fields)),
    )
    created_at = to_time(info.start_time)
    if names is None or record is None or created_at is None:
        return None
    state = _state(to_status(info.status))
    closed_at = to_time(info.close_time)
    return Kept(namespace, *names, info.execution.run_id, record, created_at, state, closed_at)


def _state(status: Status) -> State:
    if not status.closed:
        return State.PENDING
    return State.EXPIRED if status is Status.TIMED_OUT else State.WITHDRAWN


def verdict_of(event: HistoryEvent) -> Verdict:
    """A termination that no bridge made approves nothing, whatever it says."""
    ended = event.workflow_execution_terminated_event_attributes
    verdict = Verdict.from_json(from_payloads(ended.details))
    if verdict is None:
        reason = "ended in Temporal itself" + (f": {ended.reason}" if ended.reason else "")
        return Verdict(State.WITHDRAWN, ended.identity, reason, "")
    return verdict


def query_for(tenant: str, state: State | None, trace_id: str | None) -> str:
    """Values are validated names without quotes, so they cannot leave their strings."""
    terms = [f"WorkflowId STARTS_WITH '{APPROVAL}/{tenant}/'"]
    if state is not None:
        terms.append(f"ExecutionStatus = '{_STATUS.get(state, 'Terminated')}'")
    if trace_id is not None:
        terms.append(f"{SEARCH_TRACE_ID} = '{trace_id}'")
    return " AND ".join(terms)
