"""Whoever started the work may not approve it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client

from bridge.approvals.four_eyes import spellings
from bridge.approvals.record import State
from crossover.errors import Forbidden, RunClosed, Unavailable
from crossover.identity import Principal, Role
from tests.argo.approvals.scene import ALICE, BOB, TENANT, Argo, Replica, node, replica


@pytest.fixture
def one(client: Client) -> Replica:
    return replica(client, Argo())


async def test_who_asked_may_not_approve_but_may_reject(one: Replica) -> None:
    own = node()
    one.argo.keep(own)
    kept = await one.asked(ALICE, argo=own)
    with pytest.raises(Forbidden, match="asked for this approval"):
        await one.decide(ALICE, kept, "approve")
    assert await one.state(kept) is State.PENDING
    assert (await one.decide(ALICE, kept, "reject")).state is State.REJECTED


@pytest.mark.parametrize("named", ["alice@example.com", "Alice@Example.com", "alice.at.example.com"])
async def test_whom_it_was_requested_for_may_not_approve(one: Replica, named: str) -> None:
    own = node()
    one.argo.keep(own)
    kept = await one.asked(argo=own, requested_by=named)
    with pytest.raises(Forbidden, match="requested for"):
        await one.decide(ALICE, kept, "approve")
    assert (await one.decide(BOB, kept, "approve")).state is State.APPROVED


@pytest.mark.parametrize(
    "labels",
    [
        {"creator": "alice-example.com"},
        {"creator": "f3a1", "creator_email": "alice.at.example.com"},
        {"creator_preferred_username": "ALICE-example.com"},
    ],
)
async def test_who_submitted_the_workflow_may_not_approve(one: Replica, labels: dict[str, str]) -> None:
    own = node()
    kept = await one.asked(argo=own)
    one.argo.keep(own, **labels)
    with pytest.raises(Forbidden, match="submitted the Argo workflow"):
        await one.decide(ALICE, kept, "approve")
    assert (await one.decide(BOB, kept, "approve")).state is State.APPROVED


async def test_a_service_account_is_known_by_its_label(one: Replica) -> None:
    robot = Principal("system:serviceaccount:argo:nightly", TENANT, Role.APPROVER)
    own = node()
    one.argo.keep(own, creator="system-serviceaccount-argo-nightly")
    kept = await one.asked(argo=own)
    with pytest.raises(Forbidden):
        await one.decide(robot, kept, "approve")


async def test_without_four_eyes_anybody_who_may_approve_can(one: Replica) -> None:
    own = node()
    one.argo.keep(own, creator_email="alice.at.example.com")
    kept = await one.asked(ALICE, argo=own, four_eyes=False)
    assert (await one.decide(ALICE, kept, "approve")).state is State.APPROVED


async def test_while_argo_cannot_be_asked_nothing_is_let_through(one: Replica) -> None:
    own = node()
    one.argo.keep(own)
    kept = await one.asked(argo=own)
    one.argo.away = True
    with pytest.raises(Unavailable):
        await one.decide(BOB, kept, "approve")
    assert await one.state(kept) is State.PENDING
    assert (await one.decide(BOB, kept, "reject")).state is State.REJECTED


@pytest.mark.parametrize("uid", [None, "another"])
async def test_a_workflow_that_is_gone_lets_nothing_through(one: Replica, uid: str | None) -> None:
    own = node()
    kept = await one.asked(argo=own)
    if uid is not None:
        one.argo.keep({**own, "uid": uid})
    with pytest.raises(RunClosed, match="cannot be known"):
        await one.decide(BOB, kept, "approve")
    assert await one.state(kept) is State.PENDING


@given(st.text(min_size=1, max_size=80))
def test_a_name_is_the_same_as_what_argo_makes_of_it(name: str) -> None:
    assert spellings(name) & spellings(name.upper())
    for spelt in spellings(name):
        assert not spelt or spellings(spelt) & spellings(name)
