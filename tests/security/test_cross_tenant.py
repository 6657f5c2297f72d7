"""What is another tenant's, and what does not exist at all, are answered alike, and equally fast.

The operations are those of the services' OpenAPI documents; each has an entry in TABLE.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.bridge.conftest import start_body
from tests.security.scene import Scene
from tests.security.things import SHARED, Things, absent, made, mark

FLAG = "enable_crossover"
OF_RUN = "/v1/runs/{run}"
OF_APPROVAL = "/v1/approvals/{approval}"


@dataclass(frozen=True)
class Ask:
    """One request of beta's about something of acme's.

    Args:
        path: with the things' names in braces.
        more: what else the request has, by the things it names.
        status: of the answer; 200 stands for an empty list.
    """

    path: str
    more: Callable[[Things], dict[str, Any]] = field(default=lambda _: {})
    status: int = 404

    async def sent(self, scene: Scene, method: str, things: Things, own: Things) -> httpx.Response:
        names = {"run": things.run, "trace_id": things.trace, "approval": things.approval}
        path = self.path.format(**names, own=own.run)
        return await scene.ask("beta", method, path, **self.more(things))


def _run(verb: str = "", **body: Any) -> list[Ask]:
    return [Ask(OF_RUN + verb, lambda _: {"json": body} if body else {})]


def _platform(path: str, **body: Any) -> list[Ask]:
    """What belongs to no tenant: forbidden, whatever it names."""
    return [Ask(path, lambda _: {"json": body} if body else {}, 403)]


def _edit(verb: str) -> list[Ask]:
    """Of the flags, for the tenant that is named."""
    named = Ask(
        f"/v1/flags/{FLAG}/{verb}", lambda things: {"json": {"tenant": things.tenant, "reason": "x"}}, 403
    )
    return [named, *_platform(f"/v1/flags/{FLAG}/{verb}")]


def _context(things: Things) -> dict[str, Any]:
    return {"json": {"context": {"targetingKey": things.tenant}}}


def _start(things: Things) -> dict[str, Any]:
    return {"json": start_body(decision=things.decision, argo=things.decision["argo"])}


def _outcome(things: Things) -> dict[str, Any]:
    side = {"side": "legacy", "phase": "Succeeded", "duration_s": 1}
    return {"json": {"decision": things.decision, **side}}


def _released(things: Things) -> dict[str, Any]:
    argo = things.decision["argo"]
    return {"json": {key: argo[key] for key in ("namespace", "workflow", "uid")}}


NAMES_NOTHING: list[Ask] = []
"""It names nothing that could be another tenant's, but for the tenant itself: see TENANTS."""

TABLE: dict[str, dict[str, list[Ask]]] = {
    "bridge": {
        "POST /v1/runs": [Ask("/v1/runs", _start, 422)],
        "GET /v1/runs": [Ask("/v1/runs", lambda things: {"params": {"trace_id": things.trace}}, 200)],
        f"GET {OF_RUN}": [*_run(), *_run("?wait=1s"), *_run("?wait=1s&revision=x")],
        f"GET {OF_RUN}/events": _run("/events"),
        f"GET {OF_RUN}/history": [
            *_run("/history"),
            Ask("/v1/runs/{own}/history", lambda things: {"params": {"page_token": things.page}}, 422),
        ],
        f"POST {OF_RUN}/cancel": _run("/cancel", reason="mine"),
        f"POST {OF_RUN}/terminate": _run("/terminate"),
        f"POST {OF_RUN}/release": _run("/release", signal="SIGTERM"),
        f"POST {OF_RUN}/signal": _run("/signal", name="say", args=["x"]),
        f"POST {OF_RUN}/query": _run("/query", name="heard"),
        f"POST {OF_RUN}/update": _run("/update", name="ask", args=["x"]),
        f"POST {OF_RUN}/reset": _run("/reset", reason="mine"),
        "GET /healthz": NAMES_NOTHING,
        "GET /readyz": NAMES_NOTHING,
        "GET /metrics": NAMES_NOTHING,
        "POST /v1/decisions": NAMES_NOTHING,
        "GET /v1/decisions": [
            Ask("/v1/decisions", lambda things: {"params": {"trace_id": things.trace}}, 200)
        ],
        "POST /v1/outcomes": [Ask("/v1/outcomes", _outcome, 422)],
        "GET /v1/outcomes": NAMES_NOTHING,
        "GET /v1/flags": _platform("/v1/flags"),
        "PUT /v1/flags": _platform("/v1/flags", document={"flags": {}}, reason="mine"),
        "GET /v1/flags/{flag}": _platform(f"/v1/flags/{FLAG}"),
        "PUT /v1/flags/{flag}": _platform(f"/v1/flags/{FLAG}", flag={}, reason="mine"),
        "DELETE /v1/flags/{flag}": _platform(f"/v1/flags/{FLAG}", reason="mine"),
        "GET /v1/flags/{flag}/explain": [
            Ask(
                f"/v1/flags/{flag}/explain",
                lambda things: {"params": {"targeting_key": things.tenant}},
                403,
            )
            for flag in (FLAG, "no_such_flag")
        ],
        "GET /v1/flagd": _platform("/v1/flagd"),
        "PUT /v1/flagd": _platform("/v1/flagd?reason=mine", flags={}),
        "POST /v1/kill": _platform("/v1/kill", reason="mine"),
        "POST /v1/flags/{flag}/kill": _platform(f"/v1/flags/{FLAG}/kill", reason="mine"),
        "POST /v1/flags/{flag}/allow": _edit("allow"),
        "POST /v1/flags/{flag}/deny": _edit("deny"),
        "POST /v1/flags/{flag}/clear": _edit("clear"),
        "POST /v1/flags/{flag}/rollout": _platform(f"/v1/flags/{FLAG}/rollout", crossover=5, reason="mine"),
        "POST /v1/flags/{flag}/plan": _platform(f"/v1/flags/{FLAG}/plan"),
        "GET /v1/flags/{flag}/plan": _platform(f"/v1/flags/{FLAG}/plan"),
        "POST /v1/flags/{flag}/pause": _platform(f"/v1/flags/{FLAG}/pause"),
        "POST /v1/flags/{flag}/resume": _platform(f"/v1/flags/{FLAG}/resume"),
        "POST /v1/flags/{flag}/stop": _platform(f"/v1/flags/{FLAG}/stop"),
        "POST /v1/flags/{flag}/roll-back": _platform(f"/v1/flags/{FLAG}/roll-back"),
        "GET /v1/flag-versions": _platform("/v1/flag-versions"),
        "GET /v1/flag-versions/{number}": _platform("/v1/flag-versions/1"),
        "POST /v1/flag-versions/{number}/revert": _platform("/v1/flag-versions/1/revert", reason="mine"),
        "GET /v1/flag-store": _platform("/v1/flag-store"),
        "POST /v1/flag-store/restore": _platform("/v1/flag-store/restore", side="store", reason="mine"),
        "GET /v1/flag-events": _platform("/v1/flag-events"),
        "POST /ofrep/v1/evaluate/flags": [Ask("/ofrep/v1/evaluate/flags", _context, 403)],
        "POST /ofrep/v1/evaluate/flags/{key}": [Ask(f"/ofrep/v1/evaluate/flags/{FLAG}", _context, 403)],
        "GET /v1/audit": [
            *_platform("/v1/audit?everything=true"),
            Ask(
                "/v1/audit?everything=true",
                lambda things: {"params": {"everything": True, "after": things.entry}},
                403,
            ),
        ],
        "GET /v1/audit/verify": _platform("/v1/audit/verify"),
        "POST /api/v1/template.execute": NAMES_NOTHING,
        "POST /v1/releases": [Ask("/v1/releases", _released, 200)],
        "POST /v1/approvals": [
            Ask(
                "/v1/approvals",
                lambda things: {"json": {"run": {"id": things.run, "signal": "say"}, "title": "x"}},
            )
        ],
        "GET /v1/approvals": [
            Ask("/v1/approvals", lambda things: {"params": {"trace_id": things.trace}}, 200)
        ],
        f"GET {OF_APPROVAL}": [Ask(OF_APPROVAL), Ask(f"{OF_APPROVAL}?wait=1s")],
        f"POST {OF_APPROVAL}": [Ask(OF_APPROVAL, lambda _: {"json": {"decision": "approve"}})],
        "GET /v1/session": NAMES_NOTHING,
        "POST /v1/session": NAMES_NOTHING,
        "DELETE /v1/session": NAMES_NOTHING,
        "GET /v1/session/login": NAMES_NOTHING,
        "GET /v1/session/callback": NAMES_NOTHING,
    },
    "log streamer": {
        "GET /v1/logs/{trace_id}": [
            Ask("/v1/logs/{trace_id}"),
            Ask("/v1/logs/{trace_id}?follow=false&format=text"),
            Ask("/v1/logs/{trace_id}", lambda things: {"params": {"cursor": things.cursor}}),
            Ask("/v1/logs/{trace_id}", lambda things: {"headers": {"last-event-id": things.cursor}}),
        ],
        "GET /healthz": NAMES_NOTHING,
        "GET /readyz": NAMES_NOTHING,
        "GET /metrics": NAMES_NOTHING,
        "GET /v1/session": NAMES_NOTHING,
        "POST /v1/session": NAMES_NOTHING,
        "DELETE /v1/session": NAMES_NOTHING,
        "GET /v1/session/login": NAMES_NOTHING,
        "GET /v1/session/callback": NAMES_NOTHING,
    },
}
OPERATIONS = [(service, each) for service, operations in TABLE.items() for each in operations]
ASKED = [(each, ask) for _, each in OPERATIONS for ask in TABLE[_][each]]

WITHOUT_TENANT = {"/healthz", "/readyz", "/metrics", "/v1/session/login", "/v1/session/callback"}
"""These know no caller. Nor do beginning and ending a session, which are about a token and a cookie."""
TENANTS = [
    (service, each)
    for service, each in OPERATIONS
    if each.split(" ")[1] not in WITHOUT_TENANT and each not in ("POST /v1/session", "DELETE /v1/session")
]


@dataclass
class Foes:
    """`theirs`: acme's. `own`: beta's, who asks. `nobodys`: of the like of acme's."""

    scene: Scene
    theirs: Things
    own: Things
    nobodys: Things

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.scene.ask("beta", method, path, **more)


@pytest.fixture(scope="module")
async def foes(scene: Scene) -> Foes:
    document = {"document": {"flags": {FLAG: {}}}, "reason": "there is one flag"}
    reply = await scene.ask("root", "PUT", "/v1/flags", json=document, headers={"if-match": "*"})
    assert reply.status_code == 200, reply.text
    theirs, own = await made(scene, "acme"), await made(scene, "beta")
    return Foes(scene, theirs, own, absent(theirs))


def _told(reply: httpx.Response, things: Things) -> tuple[object, ...]:
    """The answer, without what the request has brought along, and without the request's id."""
    kept = ("content-type", "retry-after", "etag", "allow", "cache-control")
    headers = {name: reply.headers.get(name) for name in kept}
    return reply.status_code, set(reply.headers), headers, things.echoed(reply.text)


async def test_every_operation_of_the_services_has_an_entry_here(foes: Foes) -> None:
    for service, program in foes.scene.services.items():
        document = (await program.http.get("/openapi.json")).json()
        found = {
            f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
        }
        assert found == set(TABLE[service])


@pytest.mark.parametrize(("operation", "ask"), ASKED, ids=[f"{each} {ask.path}" for each, ask in ASKED])
async def test_anothers_thing_and_none_at_all_are_answered_alike(
    foes: Foes, operation: str, ask: Ask
) -> None:
    method = operation.split(" ")[0]
    foreign = await ask.sent(foes.scene, method, foes.theirs, foes.own)
    nothing = await ask.sent(foes.scene, method, foes.nobodys, foes.own)
    assert _told(foreign, foes.theirs) == _told(nothing, foes.nobodys)
    assert foreign.status_code == ask.status, foreign.text
    if ask.status == 200:
        assert [value for value in foreign.json().values() if value] == [], foreign.text
    assert mark("acme") not in foes.theirs.echoed(foreign.text)


@pytest.mark.parametrize(("service", "operation"), TENANTS)
async def test_nobody_acts_in_a_tenant_that_is_not_its_own(foes: Foes, service: str, operation: str) -> None:
    """Not by the header, nor by the query; and an existing tenant is refused as one that does not exist."""
    method, path = operation.split(" ")
    asked = TABLE[service][operation]
    path = asked[0].path if asked else path
    path = path.format(run=foes.own.run, trace_id=foes.own.trace, approval=foes.own.approval)
    if service == "log streamer" and not path.startswith("/v1/logs"):
        path = f"{foes.scene.streamer.url}{path}"
    more = asked[0].more(foes.own) if asked else {}
    if "params" in more:
        path = f"{path}?{urlencode(more.pop('params'))}"
    for way in ("header", "query"):
        told = []
        for things in (foes.theirs, foes.nobodys):
            reply = await foes.ask(method, **_in_tenant(things.tenant, way, path), **more)
            assert reply.status_code == 404, (way, reply.text)
            told.append(_told(reply, things))
        assert told[0] == told[1]


def _in_tenant(tenant: str, way: str, path: str) -> dict[str, Any]:
    if way == "header":
        return {"path": path, "headers": {"crossover-tenant": tenant}}
    return {"path": f"{path}{'&' if '?' in path else '?'}tenant={tenant}"}


async def test_nothing_of_acmes_was_touched(foes: Foes) -> None:
    """After all that beta has tried."""
    view = (await foes.scene.ask("acme", "GET", f"/v1/runs/{foes.theirs.run}")).json()
    assert (view["exit_code"], view["cancel_requested"]) == (None, False)
    heard = await foes.scene.ask("acme", "POST", f"/v1/runs/{foes.theirs.run}/query", json={"name": "heard"})
    assert heard.json() == {"result": [mark("acme")]}
    assert (await foes.scene.ask("root", "GET", f"/v1/flags/{FLAG}")).json() == {"flag": {}}
    outcomes = (await foes.scene.ask("acme", "GET", "/v1/outcomes")).json()["outcomes"]
    assert len(outcomes) == 2


async def test_a_page_token_of_anothers_history_opens_none_of_it_however_it_is_forged(foes: Foes) -> None:
    """Temporal's tokens name the run, and the branch of the history that is read on."""
    views = [
        (await foes.scene.ask(each.tenant, "GET", f"/v1/runs/{each.run}")).json()["temporal"]["run_id"]
        for each in (foes.theirs, foes.own)
    ]
    token = base64.urlsafe_b64decode(foes.theirs.page)
    theirs, own = (run_id.encode() for run_id in views)
    assert token.count(theirs) >= 2
    for times in range(token.count(theirs) + 1):
        forged = base64.urlsafe_b64encode(token.replace(theirs, own, times)).decode()
        reply = await foes.ask("GET", f"/v1/runs/{foes.own.run}/history", params={"page_token": forged})
        assert (reply.status_code, reply.json().get("field")) == (422, "page_token"), reply.text


async def test_a_forged_position_in_a_list_costs_no_time_and_shows_nothing(foes: Foes) -> None:
    """Temporal's store fails on what is no token of its own: that is not tried again for ten seconds."""
    for forged in ("AAAA", base64.urlsafe_b64encode(b"\xff" * 40).decode(), "%00", foes.theirs.page):
        taken = []
        for _ in range(3):  # a machine may stall in one of them
            started = time.perf_counter()
            reply = await foes.ask("GET", "/v1/runs", params={"page_token": forged})
            taken.append(time.perf_counter() - started)
            assert reply.status_code == 422, reply.text
        assert min(taken) < 8


async def test_anothers_place_in_the_audit_is_but_a_moment_in_ones_own(foes: Foes) -> None:
    """An id is a time and a number: acme's, and one that was never given, lead to the same entries."""
    said = []
    for things in (foes.theirs, foes.nobodys):
        reply = await foes.ask("GET", "/v1/audit", params={"after": things.entry, "limit": 500})
        assert reply.status_code == 200, reply.text
        entries = reply.json()["entries"]
        assert {entry["tenant"] for entry in entries} <= {"beta"}
        said.append([entry["id"] for entry in entries])
    assert said[0] == said[1]


async def test_a_node_of_the_same_names_is_decided_for_each_tenant_by_itself(foes: Foes) -> None:
    argo = start_body()["argo"]
    for who in ("acme", "beta"):
        decided = await foes.scene.ask(who, "POST", "/v1/decisions", json={"argo": argo})
        assert decided.json()["context"]["tenant"] == who
    for who in ("acme", "beta"):
        listed = await foes.scene.ask(who, "GET", "/v1/decisions", params={"trace_id": argo["workflow"]})
        assert [each["context"]["tenant"] for each in listed.json()["decisions"]] == [who]


READS = [
    "/v1/runs?trace_id={shared}",
    "/v1/runs?trace_id={shared}&limit=1",
    "/v1/runs?limit=200",
    "/v1/decisions?trace_id={shared}",
    "/v1/audit?limit=500",
    "/v1/logs/{shared}?follow=false&format=ndjson",
    "/v1/logs/{shared}?follow=false&format=text",
    "/v1/logs/{shared}?follow=false&format=sse&batch=true",
    "/v1/logs/{shared}?follow=true&format=ndjson&timeout=3s",
]


@pytest.mark.parametrize("path", READS)
async def test_two_tenants_with_the_same_trace_id_see_no_byte_of_each_other(foes: Foes, path: str) -> None:
    path = path.format(shared=SHARED)
    for who, other in (("acme", "beta"), ("beta", "acme")):
        reply = await foes.scene.ask(who, "GET", path)
        assert reply.status_code == 200, reply.text
        assert mark(who) in reply.text
        assert _of(other, reply.text) == []


@pytest.mark.parametrize("path", READS)
async def test_who_belongs_to_both_sees_one_at_a_time(foes: Foes, path: str) -> None:
    path = path.format(shared=SHARED)
    for tenant, other in (("acme", "beta"), ("beta", "acme")):
        by_header = await foes.scene.ask("root", "GET", path, headers={"crossover-tenant": tenant})
        by_query = await foes.scene.ask("root", "GET", f"{path}&tenant={tenant}")
        for reply in (by_header, by_query):
            assert reply.status_code == 200, reply.text
            assert mark(tenant) in reply.text
            assert _of(other, reply.text) == []


def _of(tenant: str, text: str) -> list[str]:
    """What of a tenant is in the text."""
    return [each for each in (mark(tenant), f"crossover/{tenant}/", f"{tenant}-argo") if each in text]


async def test_outcomes_of_the_same_nodes_are_counted_by_tenant(foes: Foes) -> None:
    ids = [
        {each["id"] for each in (await foes.scene.ask(who, "GET", "/v1/outcomes")).json()["outcomes"]}
        for who in ("acme", "beta")
    ]
    assert len(ids[0]) == 2
    assert not ids[0] & ids[1]


@pytest.mark.parametrize("way", ["cursor", "last-event-id"])
async def test_a_cursor_of_anothers_stream_brings_nothing_of_it(foes: Foes, way: str) -> None:
    for trace in (SHARED, foes.own.trace):
        path = f"/v1/logs/{trace}?follow=false&format=ndjson"
        given = {"params": {"cursor": foes.theirs.cursor, "follow": "false", "format": "ndjson"}}
        reply = await (
            foes.ask("GET", f"/v1/logs/{trace}", **given)
            if way == "cursor"
            else foes.ask("GET", path, headers={"last-event-id": foes.theirs.cursor})
        )
        assert reply.status_code == 200, reply.text
        assert mark("beta") in reply.text
        assert _of("acme", reply.text) == []


async def test_a_run_that_claims_anothers_workflow_brings_none_of_its_lines(foes: Foes) -> None:
    argo = {**foes.theirs.decision["argo"], "node_name": f"{foes.theirs.trace}.claimed"}
    body = start_body("Talker", argo=argo, trace_id="claiming")
    run = (await foes.ask("POST", "/v1/runs", json=body)).json()["id"]
    assert run.startswith("crossover/beta/")
    reply = await foes.ask("GET", "/v1/logs/claiming?timeout=6s&format=ndjson")
    assert reply.status_code == 200, reply.text
    assert run in reply.text
    assert mark("acme") not in reply.text
    lines = [line for line in reply.text.splitlines() if '"event":"log"' in line]
    assert lines == []


async def test_a_run_that_claims_anothers_workflow_does_not_learn_whether_there_is_one(foes: Foes) -> None:
    """The bridge asks Argo about it with a right of its own."""
    reasons = []
    for workflow in (foes.theirs.trace, foes.nobodys.trace):
        argo = {**foes.nobodys.decision["argo"], "namespace": "acme-argo", "workflow": workflow}
        argo["node_name"] = f"{workflow}.x"
        body = start_body("Talker", argo=argo, trace_id="asking")
        run = (await foes.ask("POST", "/v1/runs", json=body)).json()["id"]
        reasons.append((await foes.ask("POST", f"/v1/runs/{run}/release")).json())
    assert reasons[0] == reasons[1]
    assert "deleted, or replaced" in reasons[0]["reason"]


PAIRS = 200

TIMED = {
    "a run": ("GET", Ask(OF_RUN)),
    "a run to cancel": ("POST", Ask(f"{OF_RUN}/cancel", lambda _: {"json": {}})),
    "a tenant": ("GET", Ask("/v1/runs", lambda things: {"headers": {"crossover-tenant": things.tenant}})),
    "a flag for a tenant": ("POST", Ask(f"/ofrep/v1/evaluate/flags/{FLAG}", _context, 403)),
    "a decision": ("POST", Ask("/v1/outcomes", _outcome, 422)),
    "the decisions of a trace": (
        "GET",
        Ask("/v1/decisions", lambda things: {"params": {"trace_id": things.trace}}, 200),
    ),
    "a trace": ("GET", Ask("/v1/logs/{trace_id}")),
}


@pytest.mark.parametrize("what", TIMED)
async def test_how_long_an_answer_takes_does_not_tell_whether_there_is_something(
    foes: Foes, what: str
) -> None:
    method, ask = TIMED[what]

    async def seconds(things: Things) -> float:
        started = time.perf_counter()
        reply = await ask.sent(foes.scene, method, things, foes.own)
        taken = time.perf_counter() - started
        assert reply.status_code == ask.status, reply.text
        return taken

    assert not tells_apart(*await interleaved(seconds, foes.theirs, foes.nobodys))


async def interleaved(
    seconds: Callable[[Things], Awaitable[float]], first: Things, second: Things
) -> tuple[list[float], list[float]]:
    """Pairs, one right after the other, in an order of chance: what else slows this machine slows both."""
    chance, taken = random.Random(7), ([], [])  # type: ignore[var-annotated]
    for _ in range(PAIRS):
        order = [(0, first), (1, second)]
        chance.shuffle(order)
        for side, things in order:
            taken[side].append(await seconds(things))
    return taken


def tells_apart(first: list[float], second: list[float]) -> bool:
    """A sign test at six sigmas (a chance of 1 in 500 million), of a difference that is worth the name."""
    slower = sum(one > other for one, other in zip(first, second, strict=True))
    sure = abs(slower - len(first) / 2) > 6 * (len(first) ** 0.5) / 2
    return sure and abs(median(first) - median(second)) > 0.25 * min(median(first), median(second))


def test_the_measure_would_notice_half_as_much_again() -> None:
    chance = random.Random(7)
    base = [chance.lognormvariate(-6, 0.1) for _ in range(2 * PAIRS)]
    first, second = base[:PAIRS], base[PAIRS:]
    assert not tells_apart(first, second)
    assert tells_apart([1.5 * each for each in first], second)
