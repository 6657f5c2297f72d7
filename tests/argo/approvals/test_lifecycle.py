"""From the request to the decision: kept in Temporal, decided once, listed, expiring, withdrawn."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client

from bridge.approvals.record import State
from crossover.errors import Conflict, Forbidden, InvalidField, NotFound, RunClosed, ShuttingDown
from crossover.identity import Principal, Role
from testbed.servers import PATIENCE
from tests.argo.approvals.scene import ALICE, BOB, STARTER, TENANT, Replica, node, replica, request, until

VIEWER = Principal("vera", TENANT, Role.VIEWER)
STRANGER = Principal("sam", "beta", Role.ADMIN)


async def test_an_approval_is_pending_until_somebody_decides(one: Replica) -> None:
    kept = await one.asked(description="They are old.", details={"tables": 312}, requested_by="nightly")
    found = await one.approvals.get(VIEWER, kept.id)
    assert found == kept
    assert (found.state, found.verdict, found.closed_at) == (State.PENDING, None, None)
    assert (found.record.starter, found.record.requested_by) == (STARTER.name, "nightly")
    assert found.expires_at - found.created_at == timedelta(days=1)

    decided = await one.decide(ALICE, kept, "approve", "the list is right")
    assert decided == await one.approvals.get(VIEWER, kept.id)
    assert decided.state is State.APPROVED
    assert decided.verdict is not None
    assert (decided.verdict.who, decided.verdict.reason) == (ALICE.name, "the list is right")
    assert decided.closed_at is not None


async def test_another_replica_knows_what_was_asked_and_decided_here(one: Replica, client: Client) -> None:
    kept = await one.asked()
    other = replica(client)
    assert await other.approvals.get(ALICE, kept.id) == kept
    decided = await other.decide(ALICE, kept, "reject", "no")
    assert await one.approvals.get(ALICE, kept.id) == decided


async def test_of_two_who_decide_at_once_exactly_one_has_decided(one: Replica, client: Client) -> None:
    other = replica(client)
    for _ in range(5):
        kept = await one.asked()
        results = await asyncio.gather(
            one.decide(ALICE, kept, "approve"), other.decide(BOB, kept, "reject"), return_exceptions=True
        )
        lost = [each for each in results if isinstance(each, BaseException)]
        assert len(lost) == 1
        assert isinstance(lost[0], RunClosed)
        final = await one.approvals.get(ALICE, kept.id)
        assert final.verdict is not None
        assert f"{final.state} by {final.verdict.who}" in str(lost[0])
        assert one.book.of(kept.id) + other.book.of(kept.id) == [
            "approval.requested",
            f"approval.{final.state}",
        ]


async def test_who_repeats_the_own_decision_gets_the_same_answer(one: Replica) -> None:
    kept = await one.asked()
    first = await one.decide(ALICE, kept, "approve", "first")
    assert await one.decide(ALICE, kept, "approve", "second") == first
    for who, decision in ((ALICE, "reject"), (BOB, "approve")):
        with pytest.raises(RunClosed, match=r"is over: approved by alice@example\.com: first"):
            await one.decide(who, kept, decision)
    assert one.book.of(kept.id) == ["approval.requested", "approval.approved"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_who_is_no_approver_decides_nothing(one: Replica, role: Role) -> None:
    kept = await one.asked()
    with pytest.raises(Forbidden, match="decide approvals"):
        await one.decide(Principal("eve", TENANT, role), kept, "approve")
    assert await one.state(kept) is State.PENDING


async def test_who_only_looks_asks_for_nothing(one: Replica) -> None:
    with pytest.raises(Forbidden):
        await one.approvals.ask(VIEWER, request(), "")


async def test_anothers_approval_does_not_exist(one: Replica) -> None:
    kept = await one.asked()
    absent = f"{kept.id[:-4]}0000"
    texts = []
    for name in (kept.id, absent):
        with pytest.raises(NotFound) as found:
            await one.approvals.get(STRANGER, name)
        texts.append(found.value.detail.replace(name, "X"))
        with pytest.raises(NotFound):
            await one.decide(STRANGER, kept, "approve")
    assert texts[0] == texts[1]
    assert await one.state(kept) is State.PENDING


@pytest.mark.parametrize("odd", ["", "..", "a/b", "a b", "x" * 300, "'", "crossover-approval"])
async def test_what_cannot_be_an_approval_is_none(one: Replica, odd: str) -> None:
    with pytest.raises(NotFound):
        await one.approvals.get(ALICE, odd)


async def test_a_repeated_request_finds_the_approval(one: Replica) -> None:
    asked = request(argo=node(), expires_in="1h")
    created, kept = await one.approvals.ask(STARTER, asked, "")
    again, same = await one.approvals.ask(STARTER, asked.model_copy(update={"expires_in": 7200.0}), "")
    assert (created, again, same) == (True, False, kept)
    with pytest.raises(Conflict, match="other content"):
        await one.approvals.ask(STARTER, asked.model_copy(update={"title": "Delete all tables"}), "")
    other = await one.asked(argo=asked.argo, name="second", title="Delete all tables")
    assert other.id != kept.id
    assert other.id.startswith("second-")


async def test_requests_at_once_make_one_approval(one: Replica, client: Client) -> None:
    asked, other = request(), replica(client)
    answers = await asyncio.gather(
        *(each.approvals.ask(STARTER, asked, "") for each in (one, other, one, other, one, other))
    )
    assert sorted(created for created, _ in answers) == [False] * 5 + [True]
    assert len({kept.execution for _, kept in answers}) == 1


async def test_what_was_approved_stays_approved_for_its_node(one: Replica) -> None:
    asked = request()
    _, kept = await one.approvals.ask(STARTER, asked, "")
    approved = await one.decide(ALICE, kept, "approve")
    assert await one.approvals.ask(STARTER, asked, "") == (False, approved)


async def test_what_was_rejected_is_asked_for_anew(one: Replica) -> None:
    asked = request()
    _, kept = await one.approvals.ask(STARTER, asked, "")
    await one.decide(ALICE, kept, "reject")
    created, second = await one.approvals.ask(STARTER, asked, "")
    assert (created, second.id, second.state) == (True, f"{kept.id}.2", State.PENDING)
    assert await one.state(kept) is State.REJECTED
    assert await one.approvals.ask(STARTER, asked, "") == (False, second)


async def test_after_its_time_nobody_can_approve_it(one: Replica) -> None:
    kept = await one.asked(expires_in="1s")

    async def expired() -> bool:
        return await one.state(kept) is State.EXPIRED

    await until(expired)
    with pytest.raises(RunClosed, match="expired: nobody decided by"):
        await one.decide(ALICE, kept, "approve")


async def test_who_ends_it_in_temporal_itself_approves_nothing(one: Replica, client: Client) -> None:
    kept = await one.asked()
    handle = client.get_workflow_handle(f"crossover-approval/{TENANT}/{kept.id}")
    await handle.terminate({"decision": "sure", "who": ["x"]}, reason="approved")
    found = await one.approvals.get(ALICE, kept.id)
    assert found.state is State.WITHDRAWN
    assert found.verdict is not None
    assert found.verdict.reason == "ended in Temporal itself: approved"


async def test_lists_are_by_state_and_trace(one: Replica) -> None:
    trace = f"trace-{node()['uid'][:8]}"
    kept = {state: await one.asked(trace_id=trace) for state in ("pending", "approved", "rejected")}
    kept["expired"] = await one.asked(trace_id=trace, expires_in="1s")
    await one.decide(ALICE, kept["approved"], "approve")
    await one.decide(ALICE, kept["rejected"], "reject")

    async def listed(state: State | None) -> list[str]:
        rows, _ = await one.approvals.list(VIEWER, state=state, trace_id=trace, limit=10, page_token=None)
        return [each.id for each in rows]

    async def told_apart() -> bool:
        return all([await listed(State(name)) == [each.id] for name, each in kept.items()])

    await until(told_apart)
    assert set(await listed(None)) == {each.id for each in kept.values()}
    rows, _ = await one.approvals.list(STRANGER, state=None, trace_id=trace, limit=10, page_token=None)
    assert rows == []


async def test_a_list_comes_in_pages(one: Replica) -> None:
    trace = f"trace-{node()['uid'][:8]}"
    asked = {(await one.asked(trace_id=trace)).id for _ in range(5)}

    async def pages() -> list[list[str]]:
        found, token = list[list[str]](), None
        while True:
            rows, token = await one.approvals.list(
                VIEWER, state=State.PENDING, trace_id=trace, limit=2, page_token=token
            )
            found.append([each.id for each in rows])
            if token is None:
                return found

    async def complete() -> bool:
        found = await pages()
        return {id for page in found for id in page} == asked and max(map(len, found)) == 2

    await until(complete)
    with pytest.raises(InvalidField, match="page_token"):
        await one.approvals.list(VIEWER, state=None, trace_id=None, limit=2, page_token="made-up")


async def test_who_waits_is_answered_when_it_is_decided(one: Replica) -> None:
    kept, stop = await one.asked(), asyncio.Event()
    waiting = asyncio.create_task(one.approvals.wait(VIEWER, kept.id, timeout=PATIENCE, stop=stop))
    brief = await one.approvals.wait(VIEWER, kept.id, timeout=0.2, stop=stop)
    assert brief.state is State.PENDING
    assert not waiting.done()
    await one.decide(ALICE, kept, "approve")
    assert (await asyncio.wait_for(waiting, PATIENCE)).state is State.APPROVED


async def test_who_waits_is_sent_away_when_the_bridge_goes(one: Replica) -> None:
    kept, stop = await one.asked(), asyncio.Event()
    waiting = asyncio.create_task(one.approvals.wait(VIEWER, kept.id, timeout=PATIENCE, stop=stop))
    await asyncio.sleep(0)
    stop.set()
    with pytest.raises(ShuttingDown):
        await asyncio.wait_for(waiting, PATIENCE)


async def test_neither_description_nor_details_are_in_the_audit(one: Replica) -> None:
    kept = await one.asked(description="s3cret-text", details={"password": "s3cret-value"})
    await one.decide(ALICE, kept, "approve")
    assert one.book.of(kept.id) == ["approval.requested", "approval.approved"]
    assert "s3cret" not in str(one.book.events)
    assert one.counted == {"requested": 1, "approved": 1}
