"""Quotas refuse clearly, and never keep a retried pod from its run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest

from tests.bridge.conftest import ended
from tests.bridge.decisions.installation import Installation, new_node, run_of, start_of, until
from tests.patience import PATIENCE

UNCOUNTED = "open runs could not be counted"


@pytest.fixture
async def few(pair: Installation) -> AsyncGenerator[Installation, None]:
    """Tenant `few` may have two runs, and has none before and after."""
    yield pair
    for run in (await pair.as_("few").get("/v1/runs")).json()["runs"]:
        if run["exit_code"] is None:
            await pair.as_("few").post(f"/v1/runs/{run['id']}/terminate", json={})
    await until(lambda: none_open(pair))


async def none_open(pair: Installation) -> bool:
    runs = (await pair.as_("few").get("/v1/runs")).json()["runs"]
    return all(run["exit_code"] is not None for run in runs)


def refused(reply: httpx.Response, quota: str) -> int:
    """Retry-After, of a refusal that names the quota."""
    assert reply.status_code == 429, reply.text
    assert quota in reply.json()["detail"]
    return int(reply.headers["Retry-After"])


async def one_too_many(few: Installation, body: dict[str, object]) -> httpx.Response:
    """The answer to a start beyond the quota. Temporal is given a second to count the open runs, and without
    a count starts go on: such a start is void, is ended, and made again."""
    log = few.replicas[0].log
    async with asyncio.timeout(PATIENCE):
        while True:
            before = log.read_text().count(UNCOUNTED)
            reply = await few.start(body, who="few")
            if reply.status_code != 201 or log.read_text().count(UNCOUNTED) == before:
                return reply
            await few.as_("few").post(f"/v1/runs/{reply.json()['id']}/terminate", json={})


async def until_admitted(pair: Installation, node: dict[str, str]) -> httpx.Response:
    """Counts are two seconds old at most: what ended in an earlier test is forgotten then."""
    reply = await pair.start(start_of(node, workflow_type="Talker"), who="few")

    async def admitted() -> bool:
        nonlocal reply
        reply = await pair.start(start_of(node, workflow_type="Talker"), who="few")
        return reply.status_code != 429

    if reply.status_code == 429:
        await until(admitted)
    return reply


async def test_a_run_too_many_is_refused_until_one_ends_and_a_retried_pod_attaches(few: Installation) -> None:
    nodes = [new_node(), new_node()]
    for node in nodes:
        assert (await until_admitted(few, node)).status_code == 201
    for _ in range(4):
        third = await one_too_many(few, start_of(new_node(), workflow_type="Talker"))
        assert refused(third, "running_runs") >= 1
        for node in nodes:
            again = await few.start(start_of(node, workflow_type="Talker"), who="few")
            assert again.status_code == 200
    ended_one = await few.as_("few").post(f"/v1/runs/{run_of(nodes[0], 'few')}/terminate", json={})
    assert ended_one.status_code == 202
    assert (await until_admitted(few, new_node())).status_code == 201


async def test_a_retry_that_starts_a_new_run_is_a_start_like_any_other(few: Installation) -> None:
    failed = new_node()
    body = start_of(failed, input={"fail": "as planned"})
    await until_admitted_body(few, body)
    await ended(few.as_("few"), run_of(failed, "few"))
    for _ in range(2):
        assert (await until_admitted(few, new_node())).status_code == 201
    refused(await one_too_many(few, body), "running_runs")


async def until_admitted_body(few: Installation, body: dict[str, object]) -> None:
    async def admitted() -> bool:
        return (await few.start(body, who="few")).status_code == 201

    await until(admitted)


async def test_starts_too_fast_are_refused_until_when_and_a_retried_pod_attaches(pair: Installation) -> None:
    nodes = [new_node(), new_node()]
    for number, node in enumerate(nodes):
        assert (await pair.start(start_of(node), number, who="slow")).status_code == 201
    for replica in (0, 1):
        third = await pair.start(start_of(new_node()), replica, who="slow")
        assert 1 <= refused(third, "starts_per_second") <= 500
        assert (await pair.start(start_of(nodes[0]), replica, who="slow")).status_code == 200


async def test_a_tenants_quota_is_no_other_tenants(pair: Installation) -> None:
    assert (await pair.start(start_of(new_node()))).status_code == 201
