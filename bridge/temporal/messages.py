"""From Temporal's API messages to the engine types of the pure core."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import (
    EventType,
    PendingActivityState,
    PendingWorkflowTaskState,
    TimeoutType,
    WorkflowExecutionStatus,
)
from temporalio.api.failure.v1 import Failure as FailureMessage
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo, PendingWorkflowTaskInfo, WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse, DescribeWorkflowExecutionResponse

from bridge.steps.engine import (
    Failure,
    Outcome,
    PendingActivity,
    QueueHealth,
    RunRef,
    Snapshot,
    Status,
    TimeoutKind,
    WorkflowTask,
)
from bridge.temporal.payloads import from_fields, from_payload, from_payloads
from crossover.contract.names import MEMO_PROGRESS
from crossover.errors import Internal

_CHAIN_LIMIT = 20
"""Links kept of a failure chain: children of children, and still a body of bounded depth."""

_TIMEOUTS = {
    TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE: TimeoutKind.START_TO_CLOSE,
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START: TimeoutKind.SCHEDULE_TO_START,
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE: TimeoutKind.SCHEDULE_TO_CLOSE,
    TimeoutType.TIMEOUT_TYPE_HEARTBEAT: TimeoutKind.HEARTBEAT,
}


_STATES = {
    number: name.removeprefix("PENDING_ACTIVITY_STATE_") for name, number in PendingActivityState.items()
}
_STATUSES = {
    number: name.removeprefix("WORKFLOW_EXECUTION_STATUS_")
    for name, number in WorkflowExecutionStatus.items()
}


def to_time(stamp: Timestamp) -> datetime | None:
    return stamp.ToDatetime(tzinfo=UTC) if stamp.seconds > 0 else None


def to_status(value: WorkflowExecutionStatus.ValueType) -> Status:
    """A status of a newer server counts as running: a wait goes on, and nothing is reported as over."""
    name = _STATUSES.get(value, "")
    return Status(name) if name in set(Status) else Status.RUNNING


def listed_snapshot(namespace: str, info: WorkflowExecutionInfo) -> Snapshot:
    """A row of a visibility list: no pending work, and `picked_up` is not known there."""
    return Snapshot(
        ref=RunRef(namespace, info.execution.workflow_id),
        run_id=info.execution.run_id,
        first_run_id=info.first_run_id or info.execution.run_id,
        workflow_type=info.type.name,
        task_queue=info.task_queue,
        status=to_status(info.status),
        memo=from_fields(info.memo.fields),
        started_at=to_time(info.start_time),
        closed_at=to_time(info.close_time),
        picked_up=True,
    )


def described_snapshot(
    namespace: str, message: DescribeWorkflowExecutionResponse, task_failure: str | None
) -> Snapshot:
    info, extended = message.workflow_execution_info, message.workflow_extended_info
    return Snapshot(
        ref=RunRef(namespace, info.execution.workflow_id),
        run_id=info.execution.run_id,
        first_run_id=info.first_run_id or info.execution.run_id,
        workflow_type=info.type.name,
        task_queue=info.task_queue or message.execution_config.task_queue.name,
        status=to_status(info.status),
        memo=from_fields(info.memo.fields),
        # The chain's start: continue-as-new and retries do not make a run younger.
        started_at=to_time(extended.original_start_time) or to_time(info.start_time),
        closed_at=to_time(info.close_time),
        deadline_at=to_time(extended.execution_expiration_time),
        reset_at=to_time(extended.last_reset_time),
        picked_up=_picked_up(message),
        cancel_requested=extended.cancel_requested,
        workflow_task=_workflow_task(message),
        activities=tuple(_activity(item) for item in message.pending_activities),
        task_failure=task_failure,
    )


def _picked_up(message: DescribeWorkflowExecutionResponse) -> bool:
    """A run that no worker has touched has two events: started, and workflow task scheduled."""
    task_started = (
        message.pending_workflow_task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
    )
    return message.workflow_execution_info.history_length > 2 or task_started


def _workflow_task(message: DescribeWorkflowExecutionResponse) -> WorkflowTask | None:
    if not message.HasField("pending_workflow_task"):
        return None
    task: PendingWorkflowTaskInfo = message.pending_workflow_task
    return WorkflowTask(
        attempt=max(task.attempt, 1),
        started=task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED,
        scheduled_at=to_time(task.original_scheduled_time) or to_time(task.scheduled_time),
    )


def _activity(item: PendingActivityInfo) -> PendingActivity:
    return PendingActivity(
        id=item.activity_id,
        type=item.activity_type.name,
        state=_STATES.get(item.state, "UNKNOWN"),
        attempt=item.attempt,
        last_failure=_first_text(item.last_failure) if item.HasField("last_failure") else None,
        next_attempt_at=to_time(item.next_attempt_schedule_time),
        scheduled_at=to_time(item.scheduled_time),
        worker=item.last_worker_identity or None,
        progress=_heartbeat_progress(item.heartbeat_details),
    )


def _heartbeat_progress(details: Payloads) -> str | None:
    if not details.payloads:
        return None
    value = from_payload(details.payloads[0])
    progress = value.get(MEMO_PROGRESS) if isinstance(value, dict) else None
    return progress if isinstance(progress, str) else None


def _first_text(failure: FailureMessage) -> str:
    kind = failure.application_failure_info.type
    return f"{kind}: {failure.message}" if kind else failure.message


def task_failure_text(event: HistoryEvent) -> str | None:
    """Why a workflow task failed, for the newest event that says so."""
    if event.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
        return None
    return _first_text(event.workflow_task_failed_event_attributes.failure)


MAX_WORKERS = 100
"""Identities told of one queue: enough to find its pods by, and a bounded view."""


def queue_health(name: str, message: DescribeTaskQueueResponse, now: datetime) -> QueueHealth:
    polls = [time for poller in message.pollers if (time := to_time(poller.last_access_time))]
    backlog = message.stats.approximate_backlog_count
    return QueueHealth(
        name=name,
        pollers=len(message.pollers),
        backlog=backlog,
        backlog_age=message.stats.approximate_backlog_age.ToTimedelta().total_seconds() if backlog else None,
        last_poll_age=max(0.0, (now - max(polls)).total_seconds()) if polls else None,
        workers=tuple(sorted({poller.identity for poller in message.pollers})[:MAX_WORKERS]),
    )


def to_failure(message: FailureMessage, depth: int = 0) -> Failure:
    timeout = None
    if message.HasField("timeout_failure_info"):
        timeout = _TIMEOUTS.get(message.timeout_failure_info.timeout_type)
    follows = message.HasField("cause") and depth < _CHAIN_LIMIT
    return Failure(
        type=_failure_type(message, timeout),
        message=message.message,
        timeout=timeout,
        cause=to_failure(message.cause, depth + 1) if follows else None,
    )


def _failure_type(message: FailureMessage, timeout: TimeoutKind | None) -> str:
    match message.WhichOneof("failure_info"):
        case "application_failure_info":
            return message.application_failure_info.type or "ApplicationError"
        case "timeout_failure_info":
            return f"Timeout ({timeout})" if timeout else "Timeout"
        case "activity_failure_info":
            return f"Activity {message.activity_failure_info.activity_type.name}"
        case "child_workflow_execution_failure_info":
            return f"Child workflow {message.child_workflow_execution_failure_info.workflow_type.name}"
        case "canceled_failure_info":
            return "Cancelled"
        case "terminated_failure_info":
            return "Terminated"
        case other:
            return (other or "failure").removesuffix("_failure_info")


def to_outcome(run_id: str, event: HistoryEvent) -> Outcome:
    """The close event as an outcome."""
    closed_at = to_time(event.event_time)
    kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_WORKFLOW_EXECUTION_")
    match kind:
        case "COMPLETED":
            completed = event.workflow_execution_completed_event_attributes
            return Outcome(
                Status.COMPLETED,
                run_id,
                closed_at,
                result=from_payloads(completed.result),
                next_run_id=completed.new_execution_run_id or None,
            )
        case "FAILED":
            failed = event.workflow_execution_failed_event_attributes
            return Outcome(
                Status.FAILED,
                run_id,
                closed_at,
                failure=to_failure(failed.failure),
                next_run_id=failed.new_execution_run_id or None,
            )
        case "TIMED_OUT":
            next_run = event.workflow_execution_timed_out_event_attributes.new_execution_run_id
            return Outcome(Status.TIMED_OUT, run_id, closed_at, next_run_id=next_run or None)
        case "CANCELED":
            return Outcome(Status.CANCELED, run_id, closed_at)
        case "TERMINATED":
            ended = event.workflow_execution_terminated_event_attributes
            return Outcome(Status.TERMINATED, run_id, closed_at, reason=ended.reason, identity=ended.identity)
        case "CONTINUED_AS_NEW":
            continued = event.workflow_execution_continued_as_new_event_attributes
            return Outcome(
                Status.CONTINUED_AS_NEW, run_id, closed_at, next_run_id=continued.new_execution_run_id
            )
        case _:
            raise Internal(f"Temporal ended the history of run {run_id} with {kind}.")
