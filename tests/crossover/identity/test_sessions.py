"""Browsers: a sealed cookie instead of a token in the page, and a login at the company's own issuer."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml
from cryptography.fernet import Fernet
from fastapi import FastAPI, Request

from bridge.settings import BridgeSettings
from crossover.api.caller import authenticate
from crossover.api.problems import add_problem_handlers
from crossover.api.session import add_sessions
from crossover.identity import Role, new_token
from tests.crossover.identity.issuer import AUDIENCE, CLIENT, SECRET, OidcIssuer
from tests.patience import PATIENCE

ORIGIN = "http://127.0.0.1:8787"
STATIC, ENTRY = new_token("ci", "acme", Role.OPERATOR, others={"beta": Role.VIEWER}, platform=Role.APPROVER)
BEARER = {"authorization": f"Bearer {STATIC}"}
SAME_SITE = {"sec-fetch-site": "same-origin"}
WHO = {
    "name": "ci",
    "tenant": "acme",
    "role": "operator",
    "tenants": {"acme": "operator", "beta": "viewer"},
    "platform": "approver",
}


@dataclass
class Site:
    """A service with one route that changes something, and a browser with its cookies."""

    browser: httpx.AsyncClient
    folder: Path
    settings: dict[str, Any]

    def key(self) -> bytes:
        return (self.folder / "key").read_bytes()


@pytest.fixture
async def site(tmp_path: Path, issuer: OidcIssuer) -> AsyncGenerator[Site, None]:
    settings = _files(tmp_path, issuer)
    authenticator = (made := BridgeSettings(**settings)).authenticator()
    app = FastAPI()
    add_problem_handlers(app, lambda _: None)

    @app.post("/change")
    async def change(request: Request) -> str:
        return (await authenticate(request, authenticator)).name

    add_sessions(app, made.sessions(authenticator))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as browser:
        yield Site(browser, tmp_path, settings)
    await authenticator.aclose()


def _files(folder: Path, issuer: OidcIssuer) -> dict[str, Any]:
    (folder / "tokens.json").write_text(json.dumps([ENTRY]))
    (folder / "key").write_bytes(Fernet.generate_key())
    (folder / "secret").write_text(SECRET)
    login = {"client_id": CLIENT, "client_secret_file": str(folder / "secret")}
    group = {"group": "team-a", "tenant": "gamma", "role": "viewer"}
    entry = {"issuer": issuer.url, "audience": AUDIENCE, "name_claim": "email", "bindings": [group], **login}
    (folder / "identity.yaml").write_text(yaml.safe_dump({"oidc": [entry]}))
    return {
        "auth": "tokens,oidc",
        "tokens_file": folder / "tokens.json",
        "identity_file": folder / "identity.yaml",
        "session_key_file": folder / "key",
        "session_url": ORIGIN,
    }


async def test_a_token_begins_a_session_that_counts_until_it_is_ended(site: Site) -> None:
    browser = site.browser
    assert (await browser.get("/v1/session")).status_code == 401
    begun = await browser.post("/v1/session", headers=BEARER)
    assert (begun.status_code, begun.json()) == (200, WHO)
    assert (await browser.get("/v1/session")).json() == WHO
    assert (await browser.post("/change", headers=SAME_SITE)).json() == "ci"
    assert (await browser.delete("/v1/session", headers=SAME_SITE)).status_code == 204
    assert (await browser.get("/v1/session")).status_code == 401


async def test_scripts_cannot_read_the_cookie_and_it_does_not_show_the_token(site: Site) -> None:
    cookie = (await site.browser.post("/v1/session", headers=BEARER)).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
    assert STATIC not in cookie


@pytest.mark.parametrize(
    ("url", "host", "secure"),
    [
        ("https://crossover.test", "127.0.0.1", True),
        (None, "crossover.test", True),
        (None, "127.0.0.1", False),
        (None, "localhost:8787", False),
        (ORIGIN, "127.0.0.1:8787", False),
    ],
)
async def test_off_this_machine_the_cookie_travels_encrypted_only(
    site: Site, url: str | None, host: str, secure: bool
) -> None:
    settings = BridgeSettings(**{**site.settings, "session_url": url})
    authenticator = settings.authenticator()
    app = FastAPI()
    add_sessions(app, settings.sessions(authenticator))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}") as browser:
        begun = await browser.post("/v1/session", headers=BEARER)
    assert ("; Secure" in begun.headers["set-cookie"]) is secure
    await authenticator.aclose()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": ORIGIN}, 403),
        ({"origin": ORIGIN}, 200),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({}, 403),
        ({"sec-fetch-site": "cross-site", **BEARER}, 200),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else str(value),
)
async def test_with_a_cookie_changes_come_from_our_own_pages_only(
    site: Site, headers: dict[str, str], status: int
) -> None:
    await site.browser.post("/v1/session", headers=BEARER)
    assert (await site.browser.post("/change", headers=headers)).status_code == status


async def test_another_sites_page_cannot_end_a_session(site: Site) -> None:
    await site.browser.post("/v1/session", headers=BEARER)
    headers = {"sec-fetch-site": "cross-site"}
    assert (await site.browser.delete("/v1/session", headers=headers)).status_code == 403
    assert (await site.browser.get("/v1/session")).status_code == 200


async def test_a_token_in_a_url_counts_for_nothing(site: Site) -> None:
    for name in ("token", "access_token", "authorization", "crossover_session"):
        reply = await site.browser.get("/v1/session", params={name: STATIC})
        assert reply.status_code == 401


async def test_a_revoked_token_ends_its_session(site: Site) -> None:
    await site.browser.post("/v1/session", headers=BEARER)
    (site.folder / "tokens.json").write_text("[]")
    assert (await site.browser.get("/v1/session")).status_code == 401


async def test_keys_rotate_without_ending_sessions(site: Site) -> None:
    await site.browser.post("/v1/session", headers=BEARER)
    old, new = site.key(), Fernet.generate_key()
    (site.folder / "key").write_bytes(new + b"\n" + old)
    assert (await site.browser.get("/v1/session")).status_code == 200
    (site.folder / "key").write_bytes(new)
    over = await site.browser.get("/v1/session")
    assert (over.status_code, "session is over" in over.text) == (401, True)


async def test_a_cookie_counts_no_longer_than_a_session_may_last(site: Site) -> None:
    content = b'["crossover_session",{"token":"%b"}]' % STATIC.encode()
    for age, status in ((12 * 3600 - 60, 200), (12 * 3600 + 60, 401)):
        cookie = Fernet(site.key()).encrypt_at_time(content, int(time.time() - age)).decode()
        reply = await site.browser.get("/v1/session", headers={"cookie": f"crossover_session={cookie}"})
        assert reply.status_code == status


async def test_no_forged_cookie_counts(site: Site) -> None:
    good = (await site.browser.post("/v1/session", headers=BEARER)).cookies["crossover_session"]
    site.browser.cookies.clear()
    login = Fernet(site.key()).encrypt(b'["crossover_login",{"token":"%b"}]' % STATIC.encode()).decode()
    foreign = Fernet(Fernet.generate_key()).encrypt(b'["crossover_session",{"token":"x"}]').decode()
    flipped = [
        good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :] for at in range(0, len(good) - 2, 7)
    ]
    for cookie in (login, foreign, STATIC, "x", *flipped):
        reply = await site.browser.get("/v1/session", headers={"cookie": f"crossover_session={cookie}"})
        assert reply.status_code == 401, cookie


async def test_a_token_too_large_for_a_cookie_is_refused_in_words(site: Site, issuer: OidcIssuer) -> None:
    large = issuer.mint(groups=["team-a", *(f"department-{number}" for number in range(300))])
    headers = {"authorization": f"Bearer {large}"}
    assert (await site.browser.get("/v1/session", headers=headers)).status_code == 200
    refused = await site.browser.post("/v1/session", headers=headers)
    assert (refused.status_code, "fewer groups" in refused.text) == (400, True)
    assert "set-cookie" not in refused.headers


async def test_a_session_acts_in_each_tenant_of_its_caller(site: Site) -> None:
    await site.browser.post("/v1/session", headers=BEARER)
    there = (await site.browser.get("/v1/session", headers={"crossover-tenant": "beta"})).json()
    assert (there["tenant"], there["role"], there["tenants"]) == ("beta", "viewer", WHO["tenants"])
    reply = await site.browser.get("/v1/session", params={"tenant": "gamma"})
    assert reply.status_code == 404


async def _to_issuer(site: Site, **params: str) -> str:
    reply = await site.browser.get("/v1/session/login", params=params)
    assert reply.status_code == 302, reply.text
    return reply.headers["location"]


async def _back(location: str) -> str:
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as elsewhere:
        return (await elsewhere.get(location)).headers["location"]


async def test_a_browser_logs_in_at_the_issuer_and_comes_back(site: Site, issuer: OidcIssuer) -> None:
    location = await _to_issuer(site, next="/runs?tenant=gamma")
    asked = parse_qs(urlsplit(location).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{ORIGIN}/v1/session/callback"]
    returned = await site.browser.get(await _back(location))
    assert (returned.status_code, returned.headers["location"]) == (303, "/runs?tenant=gamma")
    who = (await site.browser.get("/v1/session")).json()
    assert (who["name"], who["tenant"], who["role"]) == ("ada@example.test", "gamma", "viewer")


async def test_a_login_begun_in_one_browser_cannot_be_finished_in_another(site: Site) -> None:
    back = await _back(await _to_issuer(site))
    site.browser.cookies.clear()
    assert (await site.browser.get(back)).status_code == 401


async def test_a_login_counts_once_and_for_its_own_state_only(site: Site) -> None:
    back = await _back(await _to_issuer(site))
    wrong = await site.browser.get(back.replace("state=", "state=x"))
    assert wrong.status_code == 401
    foreign = await site.browser.get(back.replace("iss=", "iss=x"))
    assert foreign.status_code == 401
    assert (await site.browser.get(back)).status_code == 303
    assert (await site.browser.get(back)).status_code == 401


async def test_an_issuers_token_for_another_login_is_refused(site: Site, issuer: OidcIssuer) -> None:
    issuer.wrong_nonce = True
    reply = await site.browser.get(await _back(await _to_issuer(site)))
    assert reply.status_code == 401
    assert "crossover_session" not in reply.cookies


async def test_a_user_without_a_tenant_gets_no_session(site: Site, issuer: OidcIssuer) -> None:
    issuer.user["groups"] = []
    reply = await site.browser.get(await _back(await _to_issuer(site)))
    assert (reply.status_code, "has no tenant" in reply.text) == (401, True)
    assert "crossover_session" not in reply.cookies


async def test_a_refusal_of_the_issuer_is_told(site: Site) -> None:
    state = parse_qs(urlsplit(await _to_issuer(site)).query)["state"][0]
    answer = {"error": "access_denied", "state": state}
    reply = await site.browser.get("/v1/session/callback", params=answer)
    assert (reply.status_code, "access_denied" in reply.text) == (401, True)


@pytest.mark.parametrize(
    "target", ["https://evil.test", "//evil.test", "/\\evil.test", "evil", "", "/a\r\nset-cookie: x", "/é"]
)
async def test_a_login_leads_to_this_site_only(site: Site, target: str) -> None:
    assert (await site.browser.get("/v1/session/login", params={"next": target})).status_code == 422


async def test_a_login_at_an_issuer_that_is_away_says_so(site: Site, issuer: OidcIssuer) -> None:
    await issuer.stop()
    assert (await site.browser.get("/v1/session/login")).status_code == 503


async def test_a_login_at_an_unknown_issuer_is_refused(site: Site) -> None:
    reply = await site.browser.get("/v1/session/login", params={"issuer": "https://evil.test"})
    assert reply.status_code == 404


async def test_without_a_key_there_are_no_sessions_and_cookies_count_for_nothing(site: Site) -> None:
    await site.browser.post("/v1/session", headers=BEARER)
    settings = BridgeSettings(**{**site.settings, "session_key_file": None})
    authenticator = settings.authenticator()
    app = FastAPI()
    add_problem_handlers(app, lambda _: None)
    add_sessions(app, settings.sessions(authenticator))
    cookies = dict(site.browser.cookies)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=ORIGIN, cookies=cookies
    ) as browser:
        assert (await browser.get("/v1/session")).status_code == 401
        assert (await browser.get("/v1/session/login")).status_code == 404
        refused = await browser.post("/v1/session", headers=BEARER)
        assert (refused.status_code, "session_key_file" in refused.text) == (404, True)
    await authenticator.aclose()


def test_a_bad_key_file_ends_the_start_with_its_name(site: Site) -> None:
    for text in ("", "short", os.urandom(8).hex()):
        (site.folder / "key").write_text(text)
        settings = BridgeSettings(**site.settings)
        with pytest.raises(ValueError, match="key: each line must be a key"):
            settings.sessions(settings.authenticator())
