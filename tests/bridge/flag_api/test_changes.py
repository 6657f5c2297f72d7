"""Changing flags: by whom, against which version, with which reason, and what is said about it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.bridge.flag_api.conftest import FLAG, Scene
from tests.patience import PATIENCE


async def variant(scene: Scene, who: str = "acme", **context: str) -> str:
    reply = await scene.as_(who).get(f"/v1/flags/{FLAG}/explain", params=context)
    assert reply.status_code == 200, reply.text
    found: str = reply.json()["evaluation"]["variant"]
    return found


async def test_a_tenant_is_moved_and_moved_back_by_a_word_each(
    scene: Scene, flags: httpx.AsyncClient
) -> None:
    assert await variant(scene) == "legacy"
    moved = await flags.post(f"/v1/flags/{FLAG}/allow", json={"tenant": "acme", "reason": "pilot"})
    assert moved.json()["effects"] == [
        {"tenant": "acme", "flag": FLAG, "before": "legacy", "after": "crossover", "where": {}}
    ]
    assert (await variant(scene), await variant(scene, "beta")) == ("crossover", "legacy")
    await flags.post(f"/v1/flags/{FLAG}/clear", json={"tenant": "acme", "reason": "pilot over"})
    assert await variant(scene) == "legacy"


@pytest.mark.parametrize("path", ["/v1/kill", f"/v1/flags/{FLAG}/kill"])
async def test_a_kill_switch_beats_everything_at_once(
    scene: Scene, flags: httpx.AsyncClient, path: str
) -> None:
    await flags.post(f"/v1/flags/{FLAG}/rollout", json={"crossover": 100, "reason": "all in"})
    assert await variant(scene) == "crossover"
    killed = await flags.post(path, json={"on": True, "reason": "on fire"})
    assert killed.json()["effects"]
    assert await variant(scene) == "legacy"
    await flags.post(path, json={"on": False, "reason": "fire is out"})
    assert await variant(scene) == "crossover"


async def test_a_dry_run_says_who_would_move_and_moves_nobody(scene: Scene, flags: httpx.AsyncClient) -> None:
    before = await scene.version()
    reply = await flags.post(
        f"/v1/flags/{FLAG}/rollout", params={"dry_run": "true"}, json={"crossover": 100, "reason": "what if"}
    )
    assert {each["tenant"] for each in reply.json()["effects"]} == {"acme", "beta"}
    assert reply.json()["version"] is None
    assert (await variant(scene), await scene.version()) == ("legacy", before)


async def test_a_replacement_names_the_version_it_was_made_for(flags: httpx.AsyncClient) -> None:
    read = await flags.get(f"/v1/flags/{FLAG}")
    body = {"flag": {"rollout": [{"crossover": 5}]}, "reason": "five"}
    blind = await flags.put(f"/v1/flags/{FLAG}", json=body)
    assert (blind.status_code, blind.json()["type"]) == (428, "urn:crossover:error:precondition-required")
    first = await flags.put(f"/v1/flags/{FLAG}", json=body, headers={"If-Match": read.headers["etag"]})
    assert first.status_code == 200
    late = await flags.put(f"/v1/flags/{FLAG}", json=body, headers={"If-Match": read.headers["etag"]})
    assert (late.status_code, late.json()["type"]) == (412, "urn:crossover:error:precondition-failed")
    again = await flags.put(f"/v1/flags/{FLAG}", json=body, headers={"If-Match": first.headers["etag"]})
    assert again.status_code == 200
    assert again.json()["version"] is None, "nothing changed, so there is no new version"


async def test_who_has_read_it_already_is_told_so(flags: httpx.AsyncClient) -> None:
    etag = (await flags.get("/v1/flags")).headers["etag"]
    same = await flags.get("/v1/flags", headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"flags": {FLAG: {"rollout": [{"crossover": 101}]}}}, "document.flags.enable_crossover.rollout.0"),
        ({"flags": {FLAG: {"rollout": [{"crossover": 70, "shadow": 40}]}}}, "document.flags"),
        ({"flags": {FLAG: {"deny": [{"tenants": ["Not A Tenant"]}]}}}, "document.flags"),
        ({"flags": {"Bad-Name": {}}}, "document.flags"),
        ({"schema": 2, "flags": {}}, "document.schema"),
        ({"flags": {FLAG: {"percentage": 5}}}, "document.flags.enable_crossover.percentage"),
    ],
)
async def test_a_bad_document_is_refused_whole_and_the_place_is_named(
    scene: Scene, flags: httpx.AsyncClient, document: dict[str, Any], field: str
) -> None:
    before = await scene.version()
    reply = await flags.put(
        "/v1/flags", json={"document": document, "reason": "oops"}, headers={"If-Match": "*"}
    )
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:crossover:error:invalid-field")
    assert reply.json()["field"].startswith(field)
    assert await scene.version() == before


async def test_a_write_without_a_reason_is_refused(flags: httpx.AsyncClient) -> None:
    for body in ({"on": True}, {"on": True, "reason": ""}, {"on": True, "reason": "x"}):
        reply = await flags.post("/v1/kill", json=body)
        assert (reply.status_code, reply.json()["field"]) == (422, "reason")


async def test_an_unknown_flag_is_told_of_and_not_made(flags: httpx.AsyncClient) -> None:
    reply = await flags.post("/v1/flags/enable_nothing/allow", json={"tenant": "acme", "reason": "typo"})
    assert reply.status_code == 422
    assert "enable_nothing" in reply.json()["detail"]


async def test_edits_by_many_people_at_once_all_hold(scene: Scene, flags: httpx.AsyncClient) -> None:
    tenants = [f"tenant-{number}" for number in range(40)]
    before = await scene.version()
    replies = await asyncio.gather(
        *(flags.post(f"/v1/flags/{FLAG}/allow", json={"tenant": t, "reason": "race"}) for t in tenants)
    )
    assert {reply.status_code for reply in replies} == {200}
    document = (await flags.get("/v1/flags")).json()["document"]
    (rule,) = document["flags"][FLAG]["allow"]
    assert set(rule["tenants"]) == set(tenants)
    assert await scene.version() == before + len(tenants)


async def test_a_rule_that_can_never_decide_is_pointed_out(flags: httpx.AsyncClient) -> None:
    await flags.post(f"/v1/flags/{FLAG}/deny", json={"tenant": "acme", "reason": "freeze"})
    reply = await flags.post(f"/v1/flags/{FLAG}/allow", json={"tenant": "acme", "reason": "forgotten"})
    (sentence,) = reply.json()["shadowed"]
    assert "allow[0] can never decide" in sentence
    assert "deny[0]" in sentence


async def test_history_says_who_when_and_why_and_any_version_comes_back(
    scene: Scene, flags: httpx.AsyncClient
) -> None:
    good = await scene.version()
    await flags.post(f"/v1/flags/{FLAG}/rollout", json={"crossover": 100, "reason": "too bold"})
    newest, older = (await flags.get("/v1/flag-versions", params={"limit": 2})).json()["versions"]
    change = newest["change"]
    assert (change["who"], change["why"], change["action"]) == ("olga", "too bold", "rollout")
    assert (older["number"], newest["previous"]) == (good, older["digest"])
    back = await flags.post(f"/v1/flag-versions/{good}/revert", json={"reason": "not today"})
    assert back.json()["version"]["number"] == good + 2
    assert await variant(scene) == "legacy"
    missing = await flags.post("/v1/flag-versions/999999/revert", json={"reason": "not today"})
    assert missing.status_code == 404


async def test_each_change_is_in_the_audit(scene: Scene, flags: httpx.AsyncClient) -> None:
    reply = await flags.post(f"/v1/flags/{FLAG}/rollout", json={"crossover": 7, "reason": "lucky number"})
    wanted = reply.headers["x-request-id"]

    async def find() -> dict[str, Any] | None:
        entries = (await scene.as_("reader").get("/v1/audit", params={"everything": "true"})).json()[
            "entries"
        ]
        return next((entry for entry in entries if entry["request_id"] == wanted), None)

    async with asyncio.timeout(PATIENCE):
        while (entry := await find()) is None:
            await asyncio.sleep(0.05)
    assert (entry["who"], entry["action"], entry["why"]) == ("olga", "flags.rollout", "lucky number")
    assert entry["after"]["version"] == entry["before"]["version"] + 1
    assert (await scene.as_("reader").get("/v1/audit/verify")).json() == {"intact": True, "problems": []}


async def test_the_stream_begins_with_what_is_in_force_and_tells_each_change(
    scene: Scene, flags: httpx.AsyncClient
) -> None:
    numbers: list[int] = []
    before = await scene.version()
    async with asyncio.timeout(PATIENCE), flags.stream("GET", "/v1/flag-events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                numbers.append(httpx.Response(200, text=line[6:]).json()["number"])
                if len(numbers) == 3:
                    break
                await flags.post(
                    f"/v1/flags/{FLAG}/rollout", json={"crossover": len(numbers), "reason": "step"}
                )
    assert numbers == [before, before + 1, before + 2]


async def test_a_flagd_definition_goes_out_and_comes_back(scene: Scene, flags: httpx.AsyncClient) -> None:
    await flags.post(f"/v1/flags/{FLAG}/rollout", json={"crossover": 30, "shadow": 5, "reason": "shape"})
    before = (await flags.get("/v1/flags")).json()["document"]
    definition = (await flags.get("/v1/flagd")).json()
    await flags.post("/v1/kill", json={"reason": "something else"})
    params = {"reason": "from flagd"}
    back = await flags.put("/v1/flagd", json=definition, params=params, headers={"If-Match": "*"})
    assert back.status_code == 200, back.text
    assert (await flags.get("/v1/flags")).json()["document"] == before
    foreign = {"flags": {FLAG: {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a"}}}
    refused = await flags.put("/v1/flagd", json=foreign, params=params, headers={"If-Match": "*"})
    assert refused.status_code == 422


@pytest.mark.parametrize("who", ["acme", "beta", "viewer", "reader"])
async def test_only_platform_operators_change_flags(scene: Scene, flags: httpx.AsyncClient, who: str) -> None:
    before = await scene.version()
    client = scene.as_(who)
    for reply in (
        await client.post("/v1/kill", json={"reason": "mischief"}),
        await client.put("/v1/flags", json={"garbage": True}),
        await client.post(f"/v1/flags/{FLAG}/allow", json={"tenant": "acme", "reason": "me me me"}),
        await client.post("/v1/flag-store/restore", json={"side": "store", "reason": "mischief"}),
    ):
        assert (reply.status_code, reply.json()["type"]) == (403, "urn:crossover:error:forbidden")
    assert await scene.version() == before


@pytest.mark.parametrize("who", ["acme", "viewer"])
async def test_a_tenants_people_see_their_own_evaluation_and_nothing_of_others(
    scene: Scene, flags: httpx.AsyncClient, who: str
) -> None:
    client = scene.as_(who)
    for path in ("/v1/flags", f"/v1/flags/{FLAG}", "/v1/flag-versions", "/v1/flag-store", "/v1/flagd"):
        assert (await client.get(path)).status_code == 403
    assert await variant(scene, who) == "legacy"
    known = await client.get(f"/v1/flags/{FLAG}/explain", params={"targeting_key": "beta"})
    unknown = await client.get(f"/v1/flags/{FLAG}/explain", params={"targeting_key": "nobody"})
    assert (known.status_code, known.json()) == (403, unknown.json())
