"""Every row of the error table as a caller gets it, and every gRPC status as a row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from temporalio.api.common.v1 import GrpcStatus
from temporalio.service import RPCError, RPCStatusCode

from bridge.app import create_app
from bridge.server import Server, config_of
from bridge.settings import BridgeSettings
from bridge.temporal.errors import from_rpc
from crossover import errors
from crossover.errors import TABLE, CrossoverError
from crossover.telemetry import build_telemetry
from testbed.ports import free_port
from testbed.servers import until_open
from tests.bridge.conftest import start_body
from tests.patience import PATIENCE


class FailingGateway:
    """A gateway of which every call fails as the test says."""

    error: Exception = errors.Unavailable("Temporal cannot be reached.")

    def __getattr__(self, name: str) -> Any:
        async def call(*_: object, **__: object) -> None:
            raise self.error

        return call


@pytest.fixture(scope="module")
async def failing() -> AsyncGenerator[tuple[httpx.AsyncClient, FailingGateway], None]:
    gateway = FailingGateway()
    settings = BridgeSettings(listen_port=free_port())
    app = create_app(settings, gateway=gateway, telemetry=build_telemetry("test"))
    server = Server(config_of(settings, app))
    task = asyncio.create_task(server.serve())
    await until_open(settings.listen_port)
    url = f"http://127.0.0.1:{settings.listen_port}"
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as http:
        yield http, gateway
    server.should_exit = True
    await task


@pytest.mark.parametrize("error", TABLE, ids=lambda each: each.__name__)
async def test_a_row_reaches_the_caller_whole(
    failing: tuple[httpx.AsyncClient, FailingGateway], error: type[CrossoverError]
) -> None:
    http, gateway = failing
    gateway.error = error("It went wrong.", field="input.x", retry_after=3)
    reply = await http.post("/v1/runs", json=start_body())
    row = TABLE[error]
    problem = reply.json()
    assert reply.status_code == row.status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["retry-after"] == "3"
    assert reply.headers["x-request-id"]
    assert problem["type"] == f"urn:crossover:error:{row.kind}"
    assert (problem["exit_code"], problem["retryable"]) == (int(row.exit_code), row.retryable)
    assert (problem["field"], problem["detail"]) == ("input.x", "It went wrong.")
    assert f'crossover_errors_total{{kind="{row.kind}"}}' in (await http.get("/metrics")).text


async def test_a_bug_is_a_problem_too_and_costs_the_client_no_connection(
    failing: tuple[httpx.AsyncClient, FailingGateway],
) -> None:
    http, gateway = failing
    gateway.error = KeyError("secret detail")
    for _ in range(3):
        reply = await http.post("/v1/runs", json=start_body(), headers={"x-request-id": "my-request"})
        assert (reply.status_code, reply.json()["type"]) == (500, "urn:crossover:error:internal")
        assert reply.headers["x-request-id"] == "my-request"
        assert "secret" not in reply.text


STATUSES: dict[RPCStatusCode, type[CrossoverError]] = {
    RPCStatusCode.CANCELLED: errors.NoAnswer,
    RPCStatusCode.UNKNOWN: errors.NoAnswer,
    RPCStatusCode.INVALID_ARGUMENT: errors.InvalidRequest,
    RPCStatusCode.DEADLINE_EXCEEDED: errors.NoAnswer,
    RPCStatusCode.NOT_FOUND: errors.NotFound,
    RPCStatusCode.ALREADY_EXISTS: errors.Conflict,
    RPCStatusCode.PERMISSION_DENIED: errors.Unavailable,
    RPCStatusCode.RESOURCE_EXHAUSTED: errors.Busy,
    RPCStatusCode.FAILED_PRECONDITION: errors.Conflict,
    RPCStatusCode.ABORTED: errors.Conflict,
    RPCStatusCode.OUT_OF_RANGE: errors.Rejected,
    RPCStatusCode.UNIMPLEMENTED: errors.Rejected,
    RPCStatusCode.INTERNAL: errors.Internal,
    RPCStatusCode.UNAVAILABLE: errors.Unavailable,
    RPCStatusCode.DATA_LOSS: errors.Internal,
    RPCStatusCode.UNAUTHENTICATED: errors.Unavailable,
}


def rpc_error(status: RPCStatusCode, message: str = "x" * 2000) -> RPCError:
    return RPCError(message, status, GrpcStatus().SerializeToString())


@pytest.mark.parametrize("status", [each for each in RPCStatusCode if each is not RPCStatusCode.OK])
def test_every_grpc_status_is_an_error_of_ours_with_its_text_cut(status: RPCStatusCode) -> None:
    error = from_rpc(rpc_error(status), "Call")
    assert type(error) is STATUSES[status]
    assert len(error.detail) < 600


@pytest.mark.parametrize("status", [RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.INVALID_ARGUMENT])
def test_what_is_too_large_is_never_retried(status: RPCStatusCode) -> None:
    error = from_rpc(rpc_error(status, "grpc: received message after decompression larger than max"), "Call")
    assert type(error) is errors.InvalidField
    assert error.field == "input"
