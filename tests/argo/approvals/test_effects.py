"""What follows of a decision: for the suspend node, for the waiting run, and whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bridge.approvals.record import Kept, State
from crossover.contract.run import Phase
from crossover.errors import InvalidField, NotFound, RunClosed
from testbed.servers import PATIENCE
from tests.argo.approvals.patient import QUEUE, Patient
from tests.argo.approvals.scene import (
    ALICE,
    STARTER,
    TENANT,
    Argo,
    Replica,
    node,
    replica,
    request,
    until,
)


@pytest.fixture
async def worker(client: Client) -> Any:
    async with Worker(
        client, task_queue=QUEUE, workflows=[Patient], workflow_runner=UnsandboxedWorkflowRunner()
    ) as worker:
        yield worker


async def waiting_run(client: Client, enough: int = 2) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(
        "Patient", enough, id=f"crossover/{TENANT}/argo/{uuid.uuid4()}/n-1", task_queue=QUEUE
    )


def with_node(client: Client) -> tuple[Replica, dict[str, Any]]:
    argo, own = Argo(), node()
    argo.keep(own)
    return replica(client, argo), own


async def settled(one: Replica, kept: Kept) -> None:
    """Asks for the effect itself: lists come a moment late, and an empty one may not know of it yet."""

    async def gone() -> bool:
        return not await one.keeper.owes(kept)

    await until(gone)


async def told(event: str, kept: Kept, *replicas: Replica) -> None:
    """Somebody's book has it: it is written after the effect is settled."""

    async def written() -> bool:
        return any(event in each.book.of(kept.id) for each in replicas)

    await until(written)


@pytest.mark.parametrize(
    ("decision", "phase", "message"),
    [
        ("approve", Phase.SUCCEEDED, "approved by alice@example.com: looked at it"),
        ("reject", Phase.FAILED, "rejected by alice@example.com: looked at it"),
    ],
)
async def test_the_suspend_node_ends_as_was_decided(
    client: Client, decision: str, phase: Phase, message: str
) -> None:
    one, own = with_node(client)
    async with one.at_work():
        kept = await one.asked(argo=own)
        one.argo.suspend(own["workflow"], kept.id)
        decided = await one.decide(ALICE, kept, decision)
        await settled(one, kept)
    outputs = {"decision": decided.state.value, "decided-by": ALICE.name, "reason": "looked at it"}
    assert one.argo.completed == [(own["workflow"], phase, message, outputs)]


async def test_a_node_that_is_late_is_completed_when_it_comes(client: Client) -> None:
    one, own = with_node(client)
    async with one.at_work():
        kept = await one.asked(argo=own)
        await one.decide(ALICE, kept, "approve")
        assert one.argo.completed == []
        one.argo.suspend(own["workflow"], kept.id)
        await settled(one, kept)
    assert len(one.argo.completed) == 1


async def test_an_approval_that_nobody_decides_fails_its_node_once_and_is_audited_once(
    client: Client,
) -> None:
    one, own = with_node(client)
    other = replica(client, one.argo)
    async with one.at_work(), other.at_work():
        kept = await one.asked(argo=own, expires_in="1s")
        one.argo.suspend(own["workflow"], kept.id)
        await settled(one, kept)
        await told("approval.expired", kept, one, other)
    ((_, phase, message, outputs),) = one.argo.completed
    assert (phase, outputs["decision"]) == (Phase.FAILED, "expired")
    assert message.startswith("expired: nobody decided by")
    audited = one.book.of(kept.id) + other.book.of(kept.id)
    assert audited == ["approval.requested", "approval.expired"]
    assert one.counted["expired"] + other.counted["expired"] == 1


async def test_what_a_dead_replica_decided_another_carries_out(client: Client) -> None:
    """The first one has no sweep: it dies between the decision and its effect."""
    dead, own = with_node(client)
    kept = await dead.asked(argo=own)
    dead.argo.suspend(own["workflow"], kept.id)
    await dead.decide(ALICE, kept, "approve")
    assert dead.argo.completed == []
    other = replica(client, dead.argo)
    async with other.at_work():
        await settled(other, kept)
    assert [each[1] for each in dead.argo.completed] == [Phase.SUCCEEDED]


async def test_an_argo_that_is_away_is_told_when_it_is_back(client: Client) -> None:
    one, own = with_node(client)
    kept = await one.asked(argo=own, four_eyes=False)
    one.argo.suspend(own["workflow"], kept.id)
    one.argo.away = True
    async with one.at_work():
        await one.decide(ALICE, kept, "approve")

        async def refused() -> bool:
            return one.argo.refused > 0

        await until(refused)
        assert one.argo.completed == []
        one.argo.away = False
        await settled(one, kept)
    assert len(one.argo.completed) == 1


async def test_a_delivery_that_hangs_does_not_hold_up_the_others(client: Client) -> None:
    one, slow = with_node(client)
    quick, stuck = node(), asyncio.Event()
    one.argo.keep(quick)

    async def hang() -> None:
        if one.argo.completed[-1][0] == slow["workflow"]:
            await stuck.wait()

    async def completed() -> bool:
        return {each[0] for each in one.argo.completed} == {slow["workflow"], quick["workflow"]}

    one.argo.at_set = hang
    async with one.at_work():
        for own in (slow, quick):
            kept = await one.asked(argo=own)
            one.argo.suspend(own["workflow"], kept.id)
            await one.decide(ALICE, kept, "approve")
        await settled(one, kept)
        await until(completed)
        stuck.set()


@pytest.mark.parametrize("end", ["stopped", "deleted", "replaced", "resumed by hand"])
async def test_an_approval_of_a_workflow_that_waits_no_more_is_withdrawn(client: Client, end: str) -> None:
    one, own = with_node(client)
    kept = await one.asked(argo=own)
    one.argo.suspend(own["workflow"], kept.id)
    found = one.argo.workflows[own["workflow"]]
    match end:
        case "stopped":
            found["spec"]["shutdown"] = "Stop"
        case "deleted":
            del one.argo.workflows[own["workflow"]]
        case "replaced":
            found["metadata"]["uid"] = "another"
        case _:
            one.argo.node(own["workflow"])["phase"] = "Succeeded"
    async with one.at_work():

        async def withdrawn() -> bool:
            return await one.state(kept) is State.WITHDRAWN

        await until(withdrawn)
        if end != "stopped":
            await settled(one, kept)
        await told("approval.withdrawn", kept, one)
    assert one.book.of(kept.id) == ["approval.requested", "approval.withdrawn"]
    with pytest.raises(RunClosed, match="withdrawn by crossover"):
        await one.decide(ALICE, kept, "approve")


async def test_a_run_is_signalled_once_whoever_repeats_it(client: Client, worker: Worker) -> None:
    one, two = replica(client), replica(client)
    run = await waiting_run(client)
    kept = await one.asked(run={"id": run.id, "signal": "approved"})
    async with one.at_work(), two.at_work():
        await one.decide(ALICE, kept, "approve", "fine")
        await settled(one, kept)
        # As after a crash between the delivery and the note of it.
        await one.keeper.owe_effect("default", TENANT, kept.id, 60)
        await settled(one, kept)
    told = {"approval": kept.id, "decision": "approved", "who": ALICE.name, "reason": "fine"}
    assert await run.query(Patient.so_far) == [told]
    await run.terminate()


async def test_a_run_that_continued_as_new_hears_of_it_too(client: Client, worker: Worker) -> None:
    one = replica(client)
    run = await waiting_run(client, 1)
    kept = await one.asked(run={"id": run.id, "signal": "approved"})
    await run.signal(Patient.anew)

    async def continued() -> bool:
        return (await client.get_workflow_handle(run.id).describe()).run_id != run.first_execution_run_id

    await until(continued)
    await one.decide(ALICE, kept, "reject", "no")
    async with one.at_work():
        heard = await asyncio.wait_for(client.get_workflow_handle(run.id).result(), PATIENCE)
    assert [each["decision"] for each in heard] == ["rejected"]


async def test_a_run_that_was_started_anew_hears_nothing_of_what_was_decided_before(
    client: Client, worker: Worker
) -> None:
    one = replica(client)
    run = await waiting_run(client)
    asked = request(run={"id": run.id, "signal": "approved"})
    _, kept = await one.approvals.ask(STARTER, asked, "")
    await one.decide(ALICE, kept, "approve")
    await run.terminate()
    anew = await client.start_workflow("Patient", 1, id=run.id, task_queue=QUEUE)
    async with one.at_work():
        await settled(one, kept)
    assert await anew.query(Patient.so_far) == []
    created, other = await one.approvals.ask(STARTER, asked, "")
    assert created
    assert other.id != kept.id
    await anew.terminate()


async def test_an_approval_of_a_run_that_is_over_is_withdrawn(client: Client, worker: Worker) -> None:
    one = replica(client)
    run = await waiting_run(client)
    asked = request(run={"id": run.id, "signal": "approved"})
    _, kept = await one.approvals.ask(STARTER, asked, "")
    await run.terminate()
    async with one.at_work():
        await settled(one, kept)
    closed = await one.approvals.get(ALICE, kept.id)
    assert closed.verdict is not None
    assert (closed.state, closed.verdict.reason) == (State.WITHDRAWN, "the run is over (terminated)")
    with pytest.raises(RunClosed):
        await one.approvals.ask(STARTER, asked, "")


@pytest.mark.parametrize("run", ["crossover/acme/argo/no-such/n-1", "crossover/beta/argo/u/n-1", "nonsense"])
async def test_who_waits_must_exist_and_be_the_tenants_own(client: Client, run: str) -> None:
    with pytest.raises(NotFound, match="There is no run"):
        await replica(client).asked(run={"id": run, "signal": "approved"})


async def test_a_step_that_argo_retries_finds_its_new_suspend_node_completed_too(client: Client) -> None:
    one, own = with_node(client)
    asked = request(argo=own)
    async with one.at_work():
        _, kept = await one.approvals.ask(STARTER, asked, "")
        one.argo.suspend(own["workflow"], kept.id)
        await one.decide(ALICE, kept, "approve")
        await settled(one, kept)
        one.argo.suspend(own["workflow"], kept.id)
        assert await one.approvals.ask(STARTER, asked, "") == (False, await one.approvals.get(ALICE, kept.id))
        await settled(one, kept)
    assert [each[1] for each in one.argo.completed] == [Phase.SUCCEEDED, Phase.SUCCEEDED]


async def test_without_an_argo_server_only_a_caller_that_waits_itself_may_ask(client: Client) -> None:
    one = replica(client, completes=False)
    with pytest.raises(InvalidField, match="argo_server_url"):
        await one.asked()
    kept = await one.asked(resumes=False)
    async with one.at_work():
        await one.decide(ALICE, kept, "approve")
        await settled(one, kept)
    assert kept.callback is None
