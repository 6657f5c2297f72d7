"""For Kubernetes and Prometheus: alive, ready, measured."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from bridge.api.context import context_of
from crossover.strict_json import dump_json

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="The process answers", response_model=None)
async def healthz() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/readyz", summary="Every dependency answers, or which one does not", response_model=None)
async def readyz(request: Request) -> Response:
    runs = context_of(request).runs
    missing = await runs.gateway.check(runs.namespaces)
    checks = {"temporal": missing or "ok"}
    if runs.hub.closing:
        checks["bridge"] = "shutting down"
    ready = set(checks.values()) == {"ok"}
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return Response(dump_json(body), status_code=200 if ready else 503, media_type="application/json")


@router.get("/metrics", summary="Metrics in Prometheus' text format", response_model=None)
async def metrics(request: Request) -> Response:
    return Response(context_of(request).telemetry.prometheus(), media_type="text/plain; version=0.0.4")
