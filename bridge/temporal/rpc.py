"""One door to Temporal: every call is counted, timed out, traced, and its errors made ours."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from opentelemetry.trace import SpanKind, Tracer, get_current_span
from temporalio.client import Client
from temporalio.service import RPCError

from bridge.metrics import Metrics
from bridge.temporal.errors import from_rpc
from crossover.errors import CrossoverError, Unavailable, cut

CALL_TIMEOUT = timedelta(seconds=5)
"""Per attempt. Temporal answers in milliseconds; a caller has its own 10-minute patience."""

POLL_TIMEOUT = timedelta(seconds=30)
"""A long poll: the server ends it after 20 s (history.longPollExpirationInterval), the rest is slack."""

Request = TypeVar("Request", contravariant=True)
Response = TypeVar("Response", covariant=True)


class Method(Protocol[Request, Response]):
    """A method of temporalio's WorkflowService."""

    def __call__(
        self, req: Request, /, *, retry: bool = False, timeout: timedelta | None = None
    ) -> Awaitable[Response]: ...


class Rpc:
    """Calls Temporal's API by its raw messages.

    The SDK's client cannot set a start's request id or tell a start from an attach, hence the messages.
    """

    def __init__(self, client: Client, metrics: Metrics, tracer: Tracer) -> None:
        self.service = client.workflow_service
        self.identity = client.identity
        self._metrics = metrics
        self._tracer = tracer

    async def call(
        self,
        name: str,
        method: Method[Request, Response],
        request: Request,
        *,
        retry: bool = True,
        timeout: timedelta = CALL_TIMEOUT,
    ) -> Response:
        """`retry` lets the SDK repeat for up to 10 s: right for all that is safe to repeat."""
        if not get_current_span().is_recording():
            # Background looks belong to no request: their spans would be orphans.
            return await self._call(name, method, request, retry=retry, timeout=timeout)
        with self._tracer.start_as_current_span(f"temporal.{name}", kind=SpanKind.CLIENT):
            return await self._call(name, method, request, retry=retry, timeout=timeout)

    async def poll(self, name: str, method: Method[Request, Response], request: Request) -> Response:
        """A long poll: no span, since it would only say how long someone waited."""
        return await self._call(name, method, request, retry=False, timeout=POLL_TIMEOUT)

    async def _call(
        self,
        name: str,
        method: Method[Request, Response],
        request: Request,
        *,
        retry: bool,
        timeout: timedelta,
    ) -> Response:
        try:
            response = await method(request, retry=retry, timeout=timeout)
        except RPCError as error:
            self._metrics.called(name, error.status.name)
            raise from_rpc(error, name) from error
        except RuntimeError as error:
            # The first call of a lazy client connects; a dead port is a RuntimeError there.
            self._metrics.called(name, "CONNECT")
            raise self._unreachable(error) from error
        self._metrics.called(name, "OK")
        return response

    @staticmethod
    def _unreachable(error: RuntimeError) -> CrossoverError:
        return Unavailable(f"Temporal cannot be reached: {cut(str(error))}", retry_after=2)


def now() -> datetime:
    return datetime.now(UTC)
