"""Tokens of all kinds at both services: the right ones count, and all others are told the same."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import string
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import httpx
import jwt
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from temporalio.worker import Worker

from testbed.servers import Bridge, Service, TemporalServer
from tests.bridge.conftest import start_body
from tests.crossover.identity.api_server import OWN_TOKEN
from tests.crossover.identity.issuer import CLIENT, OidcIssuer
from tests.patience import PATIENCE
from tests.security.identities import RECHECK, TRACE, Gate, opened

REFUSED = "The token is not accepted: it is unknown, expired, revoked, or made for another service."
MUTATIONS = 1000
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
async def gate(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Gate, None]:
    async with opened(temporal, tmp_path_factory.mktemp("gate")) as gate:
        yield gate


def good(gate: Gate) -> dict[str, str]:
    return {
        "static": gate.static,
        "service account": gate.api_server.mint("argo", "step"),
        "issuer": gate.issuer.mint(),
    }


async def test_each_kind_of_token_counts_at_both_services(gate: Gate) -> None:
    for service in gate.services:
        for kind, token in good(gate).items():
            reply = await gate.whoami(service, token)
            assert (reply.status_code, reply.json()["tenant"]) == (200, "acme"), kind


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _unsigned(issuer: OidcIssuer, algorithm: object) -> str:
    return f"{_segment({'alg': algorithm, 'typ': 'JWT'})}.{_segment(issuer.claims())}."


def _by_public_key(issuer: OidcIssuer) -> str:
    """The issuer's public key, taken for a shared secret."""
    key = issuer.keys["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = f"{_segment({'alg': 'HS256', 'kid': 'first'})}.{_segment(issuer.claims())}"
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = signer.sign(head.encode(), key)
    return f"{head}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _own_key(issuer: OidcIssuer, **header: object) -> str:
    """Signed by the attacker, who brings the key along."""
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(issuer.claims(), key, "ES256", {"kid": "first", **header})


BAD: dict[str, Callable[[Gate], str]] = {
    "unknown": lambda _: "x" * 43,
    "too long": lambda _: "x" * 20_000,
    "expired": lambda gate: gate.issuer.mint(exp=1),
    "not yet": lambda gate: gate.issuer.mint(nbf=2**31),
    "never expires": lambda gate: gate.issuer.mint(exp=None),
    "for another": lambda gate: gate.issuer.mint(aud="another"),
    "for nobody": lambda gate: gate.issuer.mint(aud=None),
    "for the console": lambda gate: gate.issuer.mint(aud=CLIENT),
    "of nobody": lambda gate: gate.issuer.mint(email=None),
    "odd end": lambda gate: gate.issuer.mint(exp="soon"),
    "no end": lambda gate: gate.issuer.mint(exp=[]),
    "of another issuer": lambda _: OidcIssuer().mint(),
    "none": lambda gate: _unsigned(gate.issuer, "none"),
    "None": lambda gate: _unsigned(gate.issuer, "NoNe"),
    "no algorithm": lambda gate: _unsigned(gate.issuer, None),
    "algorithms": lambda gate: _unsigned(gate.issuer, ["ES256", "none"]),
    "public key as secret": lambda gate: _by_public_key(gate.issuer),
    "own key": lambda gate: _own_key(gate.issuer),
    "own key by URL": lambda gate: _own_key(gate.issuer, jku="http://127.0.0.1:9/keys"),
    "own key inside": lambda gate: _own_key(gate.issuer, jwk={"kty": "EC"}),
    "key of no name": lambda gate: _own_key(gate.issuer, kid="../../etc/passwd"),
    "critical header": lambda gate: _own_key(gate.issuer, crit=["exp"]),
    "account, expired": lambda gate: gate.api_server.mint("argo", "step", lasts=-5),
    "account, for another": lambda gate: gate.api_server.mint("argo", "step", "vault"),
    "account, for any": lambda gate: gate.api_server.mint("argo", "step", None),
    "account, forged": lambda gate: gate.api_server.mint("argo", "step")[:-6] + "AAAAAA",
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_token_is_refused_with_the_one_sentence(gate: Gate, kind: str) -> None:
    token = BAD[kind](gate)
    for service in gate.services:
        reply = await gate.whoami(service, token)
        assert (reply.status_code, reply.json()["detail"]) == (401, REFUSED)
        assert reply.headers["www-authenticate"] == "Bearer"
    log = gate.log()
    assert token not in log
    assert token.split(".")[-1] == "" or token.split(".")[-1] not in log


async def test_once_an_issuer_has_rotated_its_keys_the_old_ones_count_for_nothing(gate: Gate) -> None:
    old = gate.rotating.mint()
    gate.rotating.keys = {"second": ec.generate_private_key(ec.SECP256R1())}
    for service in gate.services:
        reply = await gate.whoami(service, old)
        assert (reply.status_code, reply.json()["detail"]) == (401, REFUSED)
        assert (await gate.whoami(service, gate.rotating.mint("second"))).status_code == 200


async def test_no_mutation_of_a_good_token_is_admitted_nor_breaks_anything(gate: Gate) -> None:
    chance = random.Random(7)
    mutants = _mutants(list(good(gate).values()), chance)
    turns = asyncio.Semaphore(16)

    async def ask(number: int, mutant: str) -> tuple[int, str]:
        async with turns:
            reply = await gate.whoami(gate.services[number % 2], mutant)
            return reply.status_code, reply.json()["detail"]

    told = set(await asyncio.gather(*(ask(*each) for each in enumerate(mutants))))
    assert len(mutants) == MUTATIONS
    assert told == {(401, REFUSED)}
    log = gate.log()
    assert [each for each in mutants if len(each) > 20 and each in log] == []


def _mutants(tokens: list[str], chance: random.Random) -> list[str]:
    """Each another text than all good tokens, and another token: of a signature's last letter some bits
    count for nothing, and around a token spaces do."""
    meant = {_meaning(token) for token in tokens}
    found: dict[str, None] = {}
    while len(found) < MUTATIONS:
        mutant = _mutation(chance.choice(tokens), chance)
        if mutant.strip() and _meaning(mutant.strip()) not in meant:
            found[mutant] = None
    return list(found)


def _meaning(token: str) -> tuple[str, ...]:
    parts = token.split(".")
    if len(parts) != 3:
        return (token,)
    signature = parts[2] + "=" * (-len(parts[2]) % 4)
    try:
        return (*parts[:2], base64.urlsafe_b64decode(signature).hex())
    except ValueError:
        return (token,)


def _mutation(token: str, chance: random.Random) -> str:
    place = chance.randrange(1, len(token))
    letter = chance.choice(string.ascii_letters + string.digits + ".-_ =+/\"'{}é\t")
    match chance.choice(("swap", "cut", "add", "double", "join")):
        case "swap":
            return token[:place] + letter + token[place + 1 :]
        case "cut":
            return token[:place]
        case "add":
            return token[:place] + letter + token[place:]
        case "double":
            return token[:place] + token[chance.randrange(place) :]
    return f"{token},{token}"


async def test_a_header_that_is_no_bearer_token_says_what_to_send(gate: Gate) -> None:
    for service in gate.services:
        for header in ("Bearer", "Token", f"Basic {gate.static}", gate.static, "\xff\xfe"):
            given = {b"authorization": header.encode("latin-1")}
            reply = await service.http.get("/v1/session", headers=given)
            assert (reply.status_code, reply.json()["detail"]) == (
                401,
                "Send `Authorization: Bearer <token>`.",
            )


async def test_a_token_in_a_url_counts_for_nothing_and_is_not_logged(gate: Gate) -> None:
    for service in gate.services:
        for name in ("token", "access_token", "authorization", "crossover_session"):
            reply = await service.http.get("/v1/session", params={name: gate.static})
            assert reply.status_code == 401
    assert gate.static not in gate.log()


async def test_the_services_own_secrets_are_in_no_log(gate: Gate) -> None:
    await test_each_kind_of_token_counts_at_both_services(gate)
    log = gate.log()
    assert "token not accepted" in log
    for secret in (OWN_TOKEN, (gate.home / "key").read_text(), *good(gate).values()):
        assert secret not in log


async def test_one_session_counts_at_both_services(gate: Gate) -> None:
    for first, second in (gate.services, gate.services[::-1]):
        async with _browser(first) as browser:
            begun = await browser.post("/v1/session", headers={"authorization": f"Bearer {gate.static}"})
            assert begun.status_code == 200, begun.text
            assert gate.static not in str(begun.headers)
            there = await browser.get(f"{second.url}/v1/session")
            assert (there.status_code, there.json()) == (200, begun.json())


async def test_a_cookie_that_another_key_has_sealed_is_none(gate: Gate) -> None:
    forged = Fernet(Fernet.generate_key()).encrypt(
        json.dumps(["crossover_session", {"token": gate.static}]).encode()
    )
    for service in gate.services:
        for cookie in (forged.decode(), gate.static, "", "x" * 4000):
            async with _browser(service, {"crossover_session": cookie}) as browser:
                assert (await browser.get("/v1/session")).status_code == 401


async def test_a_login_cookie_is_no_session_cookie(gate: Gate) -> None:
    """The same key seals both."""
    sealed = Fernet((gate.home / "key").read_bytes()).encrypt(
        json.dumps(["crossover_login", {"token": gate.static}]).encode()
    )
    for service in gate.services:
        async with _browser(service, {"crossover_session": sealed.decode()}) as browser:
            assert (await browser.get("/v1/session")).status_code == 401


async def test_another_sites_page_changes_nothing_with_the_browsers_cookie(gate: Gate) -> None:
    body = start_body("Talker")
    async with _browser(gate.bridge) as browser:
        await browser.post("/v1/session", headers={"authorization": f"Bearer {gate.static}"})
        for headers in (
            {},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "https://evil.test"},
            {"origin": "null"},
        ):
            for path in ("/v1/runs", "/v1/decisions", "/v1/kill", "/ofrep/v1/evaluate/flags"):
                reply = await browser.post(path, json=body, headers=headers)
                assert reply.status_code == 403, (path, headers, reply.text)
                assert "this site's own pages" in reply.text
            for service in gate.services:
                assert (await browser.delete(f"{service.url}/v1/session", headers=headers)).status_code == 403
        run = (await browser.post("/v1/runs", json=body, headers=SAME_ORIGIN)).json()["id"]
        refused = await browser.post(f"/v1/runs/{run}/terminate", headers={"sec-fetch-site": "cross-site"})
        assert refused.status_code == 403
        assert (await browser.get(f"/v1/runs/{run}")).json()["exit_code"] is None


def _browser(service: Service, cookies: dict[str, str] | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=service.url, cookies=cookies, trust_env=False, timeout=2 * PATIENCE)


async def test_a_stream_ends_soon_after_its_callers_token_is_revoked(gate: Gate) -> None:
    body = start_body("Talker")
    headers = {"authorization": f"Bearer {gate.static}"}
    run = (await gate.bridge.http.post("/v1/runs", json=body, headers=headers)).json()["id"]
    streams = [
        (gate.bridge, f"/v1/runs/{run}/events"),
        (gate.bridge, "/v1/flag-events"),
        (gate.streamer, f"/v1/logs/{TRACE}?format=sse"),
    ]

    async def revoke() -> None:
        gate.write_tokens([])

    try:
        await _all_end(streams, gate.static, revoke)
    finally:
        gate.write_tokens(gate.entries)


async def test_a_stream_ends_soon_after_its_callers_group_has_lost_its_role(gate: Gate) -> None:
    async def unbind() -> None:
        gate.bind("another-team")

    token = gate.issuer.mint()
    body = start_body("Talker")
    headers = {"authorization": f"Bearer {token}"}
    run = (await gate.bridge.http.post("/v1/runs", json=body, headers=headers)).json()["id"]
    try:
        await _all_end(
            [(gate.bridge, f"/v1/runs/{run}/events"), (gate.streamer, f"/v1/logs/{TRACE}?format=sse")],
            token,
            unbind,
        )
    finally:
        gate.bind("team-a")


async def _all_end(
    streams: list[tuple[Service, str]], token: str, revoke: Callable[[], Awaitable[None]]
) -> None:
    """Each is open before, goes on for longer than a recheck takes, and ends after."""
    headers = {"authorization": f"Bearer {token}"}
    opened_: list[asyncio.Event] = [asyncio.Event() for _ in streams]

    async def watch(service: Service, path: str, begun: asyncio.Event) -> list[str]:
        async with service.http.stream("GET", path, headers=headers) as reply:
            assert reply.status_code == 200, path
            return [line async for line in _lines(reply, begun)]

    tasks = [
        asyncio.create_task(watch(*stream, begun)) for stream, begun in zip(streams, opened_, strict=True)
    ]
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(begun.wait() for begun in opened_))
        _, pending = await asyncio.wait(tasks, timeout=4 * RECHECK)
        assert len(pending) == len(tasks)
        await revoke()
        for lines in await asyncio.gather(*tasks):
            assert "unauthorised" in lines[-1], lines


async def _lines(reply: httpx.Response, begun: asyncio.Event) -> AsyncIterator[str]:
    async for line in reply.aiter_lines():
        if line.startswith(("event: ", "data: ")):
            begun.set()
            yield line


async def test_a_bridge_without_kubernetes_does_not_take_its_tokens_for_others(
    gate: Gate, temporal: TemporalServer
) -> None:
    """Each way in that is not set is closed; the answer is the same sentence."""
    async with Bridge(
        temporal.address, gate.home / "closed.log", auth="tokens", tokens_file=gate.home / "tokens.json"
    ) as bridge:
        for kind, token in good(gate).items():
            reply = await gate.whoami(bridge, token)
            assert reply.status_code == (200 if kind == "static" else 401), kind
            assert reply.status_code == 200 or reply.json()["detail"] == REFUSED
