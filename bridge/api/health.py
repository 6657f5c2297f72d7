"""For Kubernetes and Prometheus: alive, ready, measured."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import PlainTextResponse

from bridge.api.context import context_of
from crossover.strict_json import dump_json

router = APIRouter(tags=["operations"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="The process answers", response_model=None)
async def healthz() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get(
    "/readyz",
    summary="Every dependency answers, or which one does not",
    response_model=None,
    responses={503: {"description": "Not ready.", "content": {"application/json": {}}}},
)
async def readyz(request: Request) -> Response:
    context = context_of(request)
    runs = context.runs
    default, *others = runs.namespaces
    checks = {"temporal": await runs.gateway.check(default) or "ok"}
    if runs.hub.closing:
        checks["bridge"] = "shutting down"
    ready = set(checks.values()) == {"ok"}
    # One tenant's missing namespace is told, and does not take the bridge from all others.
    tenants = {f"temporal/{name}": await runs.gateway.check(name) or "ok" for name in others if ready}
    # Decisions, quotas and the audit do without their stores for a while: that is told, and is no outage.
    degraded = dict(context.stores.degraded())
    if context.callbacks is not None:
        degraded |= context.callbacks.degraded()
    status = "not ready" if not ready else "degraded" if degraded else "ready"
    body = {"status": status, "checks": checks | tenants | degraded}
    return Response(dump_json(body), status_code=200 if ready else 503, media_type="application/json")


@router.get(
    "/metrics",
    summary="Metrics in Prometheus' text format",
    response_model=None,
    response_class=PlainTextResponse,
)
async def metrics(request: Request) -> Response:
    return Response(context_of(request).telemetry.prometheus(), media_type="text/plain; version=0.0.4")
