"""What Temporal says is owed, and may have lost its node: with and without the search attribute."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider
from temporalio.client import Client

from bridge.argo.callbacks.orphans import WATCHED
from bridge.metrics import Metrics
from bridge.steps.engine import Snapshot
from bridge.temporal.attributes import SearchAttributeNames
from bridge.temporal.owed import OwedRuns
from bridge.temporal.rpc import Rpc
from crossover.contract.names import SEARCH_ATTRIBUTES
from crossover.contract.run import Mode
from testbed.servers import BIN, PATIENCE, Program, TemporalServer
from tests.argo.callbacks.replica import Replica
from tests.argo.callbacks.waiting import becomes
from tests.bridge.conftest import make_worker, start_body

LONG_AGO = datetime.now(UTC) - timedelta(days=1)
KEYWORDS = tuple(f"{name}=Keyword" for name in SEARCH_ATTRIBUTES)


async def owed_runs(temporal: TemporalServer, rows: int = 2, cluster: str = "") -> OwedRuns:
    meter, tracer = NoOpMeterProvider().get_meter("t"), NoOpTracerProvider().get_tracer("t")
    rpc = Rpc(await Client.connect(temporal.address), Metrics(meter), tracer)
    return OwedRuns(rpc, SearchAttributeNames(rpc), cluster, rows=rows)


async def ids(pages: AsyncIterator[Sequence[Snapshot]]) -> set[str]:
    return {run.ref.id async for page in pages for run in page}


async def start(replica: Replica, mode: Mode, **given: Any) -> str:
    return (await replica.start(start_body()["argo"], mode=mode, input=given, followed=False)).ref.id


@pytest.mark.parametrize("attributes", [KEYWORDS, ()])
async def test_tied_runs_are_found_and_others_are_not(attributes: tuple[str, ...]) -> None:
    async with TemporalServer.started(search_attributes=attributes) as temporal:
        owed = await owed_runs(temporal)
        async with (
            make_worker(await Client.connect(temporal.address)),
            Replica.started(temporal.address, "http://127.0.0.1:1") as replica,
        ):
            going = {await start(replica, mode, sleep=600) for mode in (Mode.CALLBACK, Mode.PLUGIN) * 2}
            over = {await start(replica, Mode.CALLBACK) for _ in range(5)}
            await start(replica, Mode.CALLBACK, again=1)
            for mode in (Mode.STEP, Mode.AGENT, Mode.PLUGIN):
                await start(replica, mode)
                await start(replica, mode, sleep=600) if mode is not Mode.PLUGIN else None

            async def all_known() -> bool:
                closed = await ids(owed.closed_callbacks("default", LONG_AGO))
                return (
                    await ids(owed.open_tied("default", WATCHED)) == going
                    and closed >= over
                    and len(closed) == 6
                )

            await becomes(all_known)
            later = datetime.now(UTC) + timedelta(minutes=1)
            assert await ids(owed.closed_callbacks("default", later)) == set()


async def test_runs_from_before_the_search_attribute_was_registered_are_found() -> None:
    async with TemporalServer.started(search_attributes=()) as temporal:
        async with Replica.started(temporal.address, "http://127.0.0.1:1") as replica:
            run = await start(replica, Mode.CALLBACK)
        names = [part for name in SEARCH_ATTRIBUTES for part in ("--name", name, "--type", "Keyword")]
        command = [str(BIN / "temporal"), "operator", "search-attribute", "create"]
        async with Program([*command, *names, "--address", temporal.address]) as registering:
            assert await registering.wait(within=PATIENCE) == 0

        async def found() -> bool:
            owed = await owed_runs(temporal)
            registered = await owed._attributes.registered("default")
            return set(SEARCH_ATTRIBUTES) == registered and run in await ids(
                owed.open_tied("default", WATCHED)
            )

        await becomes(found)


async def test_runs_of_another_clusters_argo_are_left_to_its_own_bridge(
    temporal: TemporalServer, client: Client
) -> None:
    """Our Argo does not know their workflows: to us they would look deleted."""
    ours, theirs = [await owed_runs(temporal, 100, name) for name in ("blue", "green")]
    argo = {**start_body()["argo"], "retries": 0}
    memo = {"crossover": {"tenant": "acme", "mode": "plugin", "cluster": "blue", "argo": argo}}
    run = f"crossover/acme/argo/{argo['uid']}/extract"
    await client.start_workflow("Echo", id=run, task_queue="nobody", memo=memo)

    async def listed(owed: OwedRuns) -> bool:
        return run in await ids(owed.open_tied("default", WATCHED))

    await becomes(lambda: listed(ours))
    assert not await listed(theirs)
    await client.get_workflow_handle(run).terminate()
