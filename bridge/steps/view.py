"""The run view: everything a caller may know of a run, in one JSON object."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bridge.steps.engine import Failure, Outcome, PendingActivity, QueueHealth, RunRef, Snapshot
from bridge.steps.health import find_problems
from bridge.steps.outputs import Outputs, collect_outputs
from bridge.steps.phases import Verdict, verdict
from bridge.steps.record import RunRecord
from crossover.contract import names
from crossover.contract.run import ArgoNode, ExitCode, Phase
from crossover.errors import cut
from crossover.strict_json import dump_json


@dataclass(frozen=True, slots=True)
class LinkBases:
    """Base URLs that people's browsers can reach; None where there is no such UI."""

    temporal: str | None = None
    argo: str | None = None
    logs: str | None = None


def run_view(
    snapshot: Snapshot,
    outcome: Outcome | None,
    queue: QueueHealth | None,
    *,
    tenant: str,
    now: datetime,
    links: LinkBases,
) -> dict[str, Any]:
    """The view of a run. `outcome` is None while it is open."""
    record = RunRecord.from_memo(snapshot.memo, tenant=tenant)
    found = verdict(snapshot, outcome, on_cancel=record.on_cancel)
    outputs = _outputs(found, outcome, record)
    if outputs is not None and outputs.wrong:
        found = Verdict(Phase.ERROR, ExitCode.FAILED, outputs.wrong)
    view = {
        "id": snapshot.ref.id,
        "phase": found.phase.value,
        "message": found.message,
        "exit_code": None if found.exit_code is None else int(found.exit_code),
        "app": record.app,
        "workflow_type": snapshot.workflow_type,
        "task_queue": snapshot.task_queue,
        "tenant": tenant,
        "trace_id": record.trace_id,
        "argo": _argo(record.argo),
        "temporal": _temporal(snapshot, outcome),
        "outputs": None if outputs is None else {"parameters": outputs.parameters, "result": outputs.result},
        "progress": _progress(snapshot),
        "pending_activities": [] if outcome else [_activity(item) for item in snapshot.activities],
        "queue": None if outcome else _queue(queue),
        "problems": []
        if outcome
        else [{"code": item.code, "message": item.message} for item in find_problems(snapshot, queue, now)],
        "failure": _failure(outcome.failure if outcome else None),
        "cancel_requested": snapshot.cancel_requested,
        "started_at": _time(snapshot.started_at),
        "closed_at": _time(outcome.closed_at if outcome else snapshot.closed_at),
        "deadline_at": _time(snapshot.deadline_at),
        "observed_at": _time(now),
        "decision": record.decision,
        "mode": record.mode.value,
        "links": _links(snapshot.ref, snapshot.run_id, record, links),
    }
    view["revision"] = _revision(view)
    return view


def _outputs(found: Verdict, outcome: Outcome | None, record: RunRecord) -> Outputs | None:
    if outcome is None or outcome.partial or found.phase is not Phase.SUCCEEDED:
        return None
    return collect_outputs(outcome.result, record.outputs)


def _revision(view: dict[str, Any]) -> str:
    """Changes with all that a person would want to see, and with nothing else (no ages, no clocks)."""
    parts = [
        view["phase"],
        view["message"],
        view["progress"],
        view["cancel_requested"],
        view["temporal"]["run_id"],
        [
            [item[key] for key in ("id", "state", "attempt", "progress")]
            for item in view["pending_activities"]
        ],
        [item["code"] for item in view["problems"]],
    ]
    return hashlib.blake2b(dump_json(parts), digest_size=8).hexdigest()


def _temporal(snapshot: Snapshot, outcome: Outcome | None) -> dict[str, Any]:
    return {
        "namespace": snapshot.ref.namespace,
        "workflow_id": snapshot.ref.id,
        "run_id": outcome.run_id if outcome else snapshot.run_id,
        "first_run_id": snapshot.first_run_id,
        "status": (outcome.status if outcome else snapshot.status).value,
    }


def _argo(node: ArgoNode | None) -> dict[str, Any] | None:
    if node is None:
        return None
    return {
        "namespace": node.namespace,
        "workflow": node.workflow,
        "uid": node.uid,
        "node_name": node.node_name,
        "retries": node.retries,
    }


def _progress(snapshot: Snapshot) -> str | None:
    own = snapshot.memo.get(names.MEMO_PROGRESS)
    if isinstance(own, str):
        return cut(own, 80)
    return next((item.progress for item in snapshot.activities if item.progress), None)


def _activity(item: PendingActivity) -> dict[str, Any]:
    return {
        "id": item.id,
        "type": item.type,
        "state": item.state,
        "attempt": item.attempt,
        "last_failure": None if item.last_failure is None else cut(item.last_failure),
        "next_attempt_at": _time(item.next_attempt_at),
        "progress": item.progress,
        "worker": item.worker,
    }


def _queue(queue: QueueHealth | None) -> dict[str, Any] | None:
    if queue is None:
        return None
    return {
        "name": queue.name,
        "pollers": queue.pollers,
        "backlog": queue.backlog,
        "backlog_age_s": queue.backlog_age,
        "last_poll_age_s": queue.last_poll_age,
        "workers": list(queue.workers),
    }


def _failure(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {
        "type": failure.type,
        "message": cut(failure.message, 4000),
        "cause": _failure(failure.cause),
    }


def _links(ref: RunRef, run_id: str, record: RunRecord, bases: LinkBases) -> dict[str, str | None]:
    node = record.argo
    temporal = f"{bases.temporal}/namespaces/{ref.namespace}/workflows/{quote(ref.id, safe='')}/{run_id}"
    argo = f"{bases.argo}/workflows/{node.namespace}/{node.workflow}" if node else None
    return {
        "self": f"/v1/runs/{ref.id}",
        "temporal": temporal if bases.temporal else None,
        "argo": argo if bases.argo else None,
        "logs": f"{bases.logs}/v1/logs/{record.trace_id}" if bases.logs else None,
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
