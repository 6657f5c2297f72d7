"""Callers are service accounts: the API server says whose a token is, and the chart's values what it may."""

from __future__ import annotations

import uuid
from pathlib import Path

import httpx
import pytest

from testbed.kubernetes.admin import SERVICE_ACCOUNTS
from tests.cluster.release import Release
from tests.cluster.scene import run_of, waiting
from tests.cluster.site import patiently

SERVICES = pytest.mark.parametrize("service", ["bridge", "log-streamer"])


async def ask(
    release: Release, service: str, token: str, path: str = "/v1/session", **headers: str
) -> httpx.Response:
    given = {"Authorization": f"Bearer {token}", **headers}
    async with httpx.AsyncClient(base_url=await release.url(service), trust_env=False, timeout=60) as http:
        reply: httpx.Response = await patiently(lambda: http.get(path, headers=given))
        return reply


@SERVICES
async def test_a_token_for_our_audience_is_its_accounts_and_so_its_tenants(
    release: Release, service: str
) -> None:
    answer = await ask(release, service, await release.token("crossover-step", release.argo))
    assert answer.status_code == 200, answer.text
    caller = answer.json()
    assert (caller["tenant"], caller["role"]) == ("acme", "operator")
    assert caller["name"] == f"system:serviceaccount:{release.argo}:crossover-step"
    other = await ask(release, service, await release.token("crossover-step", release.other))
    assert other.json()["tenant"] == "globex"


@SERVICES
@pytest.mark.parametrize("audience", ["", "vault"])
async def test_a_token_for_another_audience_is_refused(release: Release, service: str, audience: str) -> None:
    token = await release.token("crossover-step", release.argo, audience=audience)
    assert (await ask(release, service, token)).status_code == 401


@SERVICES
async def test_an_account_that_nobody_has_bound_is_refused(release: Release, service: str) -> None:
    for name, namespace in (("stranger", release.argo), ("default", release.namespace)):
        token = await release.token(name, namespace)
        assert (await ask(release, service, token)).status_code == 401, name


@SERVICES
async def test_a_token_outlives_neither_its_account_nor_a_change_of_it(
    release: Release, service: str
) -> None:
    name = "crossover-step" if service == "bridge" else "reader"
    token = await release.token(name, release.argo)
    changed = f"{token[:-8]}{'A' * 8}"
    assert (await ask(release, service, changed)).status_code == 401
    admin, stranger = release.site.admin, f"gone-{uuid.uuid4().hex[:6]}"
    await admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": stranger}}, release.argo)
    left = await release.token(stranger, release.argo)
    await admin.delete(SERVICE_ACCOUNTS, stranger, release.argo)
    assert (await ask(release, service, left)).status_code == 401


async def test_another_tenants_run_and_feed_do_not_exist(release: Release, tmp_path: Path) -> None:
    globex = await release.token("crossover-step", release.other)
    acme = await release.token("reader", release.argo)
    async with waiting(release, tmp_path) as scene:
        trace = scene.workflow.name
        run = (await run_of(release, trace)).replace("/", "%2F")
        feed = f"/v1/logs/{trace}?follow=false&format=ndjson"
        assert (await ask(release, "bridge", acme, f"/v1/runs/{run}")).status_code == 200
        assert (await ask(release, "bridge", globex, f"/v1/runs/{run}")).status_code == 404
        assert (await ask(release, "log-streamer", acme, feed)).status_code == 200
        assert (await ask(release, "log-streamer", globex, feed)).status_code == 404
        pretending = {"Crossover-Tenant": "acme"}
        assert (await ask(release, "log-streamer", globex, feed, **pretending)).status_code == 404
        await scene.proven()
