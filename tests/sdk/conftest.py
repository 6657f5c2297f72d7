"""Workers on queues of their own, starts as the bridge makes them, and everything that is logged."""

from __future__ import annotations

import asyncio
import io
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.converter import PayloadConverter
from temporalio.worker import Worker

from crossover_sdk import CrossoverPlugin
from tests.patience import PATIENCE
from tests.sdk.application import ACTIVITIES, WORKFLOWS

T = TypeVar("T")

CONTEXT = {
    "trace_id": "wf-1",
    "atlan-argo-workflow-id": "wf-1",
    "atlan-argo-workflow-node": "wf-1.extract",
    "tenant": "acme",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


class Bridge(Interceptor):
    """Starts workflows as the bridge does: with given Temporal headers, each a `json/plain` payload."""

    def __init__(self, headers: dict[str, Any]) -> None:
        self.headers = headers

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _BridgeOutbound(next, self.headers)


class _BridgeOutbound(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, headers: dict[str, Any]) -> None:
        super().__init__(next)
        self.payloads: dict[str, Payload] = {
            key: PayloadConverter.default.to_payload(value) for key, value in headers.items()
        }

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        input.headers = {**input.headers, **self.payloads}
        return await super().start_workflow(input)


def bridge(client: Client, headers: dict[str, Any]) -> Client:
    """A client without the SDK that starts workflows with `headers`."""
    return Client(client.service_client, namespace=client.namespace, interceptors=[Bridge(headers)])


def application(client: Client, *plugins: CrossoverPlugin, **options: Any) -> Client:
    """A tenant's client; workers made from it inherit its plugins."""
    return Client(client.service_client, namespace=client.namespace, plugins=plugins, **options)


def application_lines(written: io.StringIO) -> list[str]:
    """What `own_handler` wrote for the application's logger."""
    return [line for line in written.getvalue().splitlines() if line.split()[1:2] == ["app"]]


@asynccontextmanager
async def working(client: Client, **options: Any) -> AsyncIterator[str]:
    """A worker of the test application, in the sandbox; gives its task queue, which nobody else uses."""
    queue = f"sdk-{uuid.uuid4()}"
    with ThreadPoolExecutor(4) as pool:
        async with Worker(
            client,
            task_queue=queue,
            workflows=WORKFLOWS,
            activities=ACTIVITIES,
            activity_executor=pool,
            **options,
        ):
            yield queue


async def until(condition: Callable[[], Awaitable[T]], seconds: float = PATIENCE) -> T:
    """Poll `condition` until what it finds is truthy, and give that."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await condition():
                return found
            await asyncio.sleep(0.02)


@contextmanager
def kept_logging() -> Iterator[None]:
    """Logging is one per process; it comes back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    kept = [*handlers, *([logging.lastResort] if logging.lastResort else [])]
    before = [(handler, handler.formatter, list(handler.filters)) for handler in kept]
    yield
    root.handlers[:], root.level = handlers, level
    for handler, formatter, filters in before:
        handler.formatter, handler.filters = formatter, filters
    logging.getLogger("app").setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    with kept_logging():
        yield


@pytest.fixture
def own_handler() -> Iterator[io.StringIO]:
    """An application that configured logging itself: everything that it writes."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
