"""For Kubernetes and Prometheus: alive, ready, measured."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import PlainTextResponse

from crossover.strict_json import dump_json
from log_streamer.api.context import context_of

router = APIRouter(tags=["operations"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="The process answers", response_model=None)
async def healthz() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get(
    "/readyz",
    summary="Ready for streams, and what is not as it should be",
    response_model=None,
    responses={503: {"description": "Not ready.", "content": {"application/json": {}}}},
)
async def readyz(request: Request) -> Response:
    """Without Redis the service goes on under a strict cap of its own: that is told, and is no failure,
    since a replica that takes no streams at all would help nobody."""
    context = context_of(request)
    checks = {"leases": context.leases.degraded or "ok"}
    if context.feeds.closing:
        checks["log_streamer"] = "shutting down"
    status = "not ready" if context.feeds.closing else "degraded" if context.leases.degraded else "ready"
    body = {"status": status, "checks": checks}
    return Response(
        dump_json(body), status_code=503 if context.feeds.closing else 200, media_type="application/json"
    )


@router.get(
    "/metrics",
    summary="Metrics in Prometheus' text format",
    response_model=None,
    response_class=PlainTextResponse,
)
async def metrics(request: Request) -> Response:
    return Response(context_of(request).telemetry.prometheus(), media_type="text/plain; version=0.0.4")
