"""Around every request: an id, a span that continues the caller's trace, and one log line."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import structlog
from opentelemetry.trace import NoOpTracer, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crossover.api.problems import problem_response
from crossover.errors import Internal, row_of
from crossover.telemetry import get_logger

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SILENT = NoOpTracer()
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

_log = get_logger("crossover.request")


def request_id_of() -> str:
    """The id of the request that is being served; empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


class Requests:
    """Plain ASGI: a middleware built on request objects would cost each waiting client kilobytes."""

    def __init__(self, app: ASGIApp, tracer: Tracer, count: Callable[[str], None]) -> None:
        self._app = app
        self._tracer = tracer
        self._count = count
        self._propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers.get("x-request-id"))
        started = time.perf_counter()
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        given = headers.get("traceparent")
        parent = self._propagator.extract({"traceparent": given}) if given else None
        # A read may wait for a minute: its span would say only that.
        tracer = _SILENT if scope["method"] == "GET" else self._tracer
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            tracer.start_as_current_span(scope["method"], context=parent, kind=SpanKind.SERVER) as span,
        ):
            try:
                await self._app(scope, receive, note)
            except Exception:
                if status:
                    raise
                _log.exception("unexpected error", path=scope["path"])
                bug = Internal("The service made a mistake; its log says which.", retry_after=1)
                self._count(row_of(bug).kind)
                await problem_response(bug, scope["path"])(scope, receive, note)
            finally:
                span.update_name(f"{scope['method']} {_route(scope)}")
                span.set_attribute("http.response.status_code", status)
                self._log(scope, status, started)

    @staticmethod
    def _log(scope: Scope, status: int, started: float) -> None:
        """Reads are the daily noise of thousands of waiting steps; what changes or fails is told."""
        level = _log.debug if scope["method"] == "GET" and status < 500 else _log.info
        level(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round((time.perf_counter() - started) * 1000, 1),
        )


def _request_id(given: str | None) -> str:
    """The caller's, when it is harmless, so that its logs and ours can be joined."""
    return given if given and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "(none)")
