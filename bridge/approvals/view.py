"""An approval as callers see it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from bridge.approvals.record import Kept
from bridge.steps.view import LinkBases
from crossover.contract.run import ArgoNode


def approval_view(kept: Kept, links: LinkBases) -> dict[str, Any]:
    """`decided_by` is the caller that decided, who is proven; None where nobody did."""
    record, verdict = kept.record, kept.verdict
    return {
        "id": kept.id,
        "state": kept.state.value,
        "title": record.title,
        "description": record.description,
        "details": record.details,
        "tenant": kept.tenant,
        "trace_id": record.trace_id,
        "argo": _node(record.argo),
        "callback": asdict(kept.callback) if kept.callback else None,
        "run": {"id": record.run.id, "signal": record.run.signal} if record.run else None,
        "requested_by": record.requested_by,
        "starter": record.starter,
        "four_eyes": record.four_eyes,
        "decided_by": verdict.who if verdict else None,
        "reason": verdict.reason if verdict else None,
        "created_at": _time(kept.created_at),
        "expires_at": _time(kept.expires_at),
        "closed_at": _time(kept.closed_at),
        "links": _links(kept, links),
    }


def _node(node: ArgoNode | None) -> dict[str, Any] | None:
    return asdict(node) if node else None


def _links(kept: Kept, bases: LinkBases) -> dict[str, str | None]:
    record, node = kept.record, kept.record.workflow
    return {
        "self": f"/v1/approvals/{kept.id}",
        "run": f"/v1/runs/{record.run.id}" if record.run else None,
        "argo": f"{bases.argo}/workflows/{node.namespace}/{node.workflow}" if bases.argo and node else None,
        "logs": f"{bases.logs}/v1/logs/{record.trace_id}" if bases.logs else None,
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
