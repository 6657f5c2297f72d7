"""The chain, as the settings make it: each kind of token finds its way in, and refusals tell nothing."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.settings import BridgeSettings
from crossover.errors import Unauthenticated
from crossover.identity import Authenticator, Role, new_token
from tests.crossover.identity.api_server import OWN_TOKEN, ApiServer
from tests.crossover.identity.issuer import AUDIENCE, OidcIssuer

STATIC, ENTRY = new_token("ci", "acme", Role.OPERATOR)


def content(issuer: OidcIssuer) -> dict[str, Any]:
    account = {"namespace": "argo", "tenant": "beta", "role": "operator"}
    group = {"group": "team-a", "tenant": "gamma", "role": "viewer"}
    return {
        "kubernetes": {"service_accounts": [account]},
        "oidc": [{"issuer": issuer.url, "audience": AUDIENCE, "bindings": [group]}],
    }


def files(path: Path, issuer: OidcIssuer, api_server: ApiServer) -> dict[str, Any]:
    (path / "tokens.json").write_text(json.dumps([ENTRY]))
    (path / "own").write_text(OWN_TOKEN)
    (path / "identity.yaml").write_text(yaml.safe_dump(content(issuer)))
    return {
        "auth": "tokens,kubernetes,oidc",
        "tokens_file": path / "tokens.json",
        "identity_file": path / "identity.yaml",
        "kubernetes_api": api_server.url,
        "kubernetes_api_token_file": path / "own",
    }


@asynccontextmanager
async def admitting(settings: dict[str, Any]) -> AsyncGenerator[Authenticator, None]:
    authenticator = BridgeSettings(**settings).authenticator()
    try:
        yield authenticator
    finally:
        await authenticator.aclose()


async def tenant_of(authenticator: Authenticator, token: str | None) -> str | None:
    try:
        return (await authenticator.authenticate(token)).tenant
    except Unauthenticated:
        return None


async def test_each_kind_of_token_finds_its_way_in(
    tmp_path: Path, issuer: OidcIssuer, api_server: ApiServer
) -> None:
    async with admitting(files(tmp_path, issuer, api_server)) as chain:
        assert await tenant_of(chain, STATIC) == "acme"
        assert await tenant_of(chain, api_server.mint("argo", "any")) == "beta"
        assert await tenant_of(chain, issuer.mint()) == "gamma"
        assert await tenant_of(chain, None) is None


async def test_a_way_that_is_not_set_is_closed(
    tmp_path: Path, issuer: OidcIssuer, api_server: ApiServer
) -> None:
    settings = files(tmp_path, issuer, api_server)
    only_tokens = {"auth": "tokens", "tokens_file": settings["tokens_file"]}
    async with admitting(only_tokens) as chain:
        assert await tenant_of(chain, STATIC) == "acme"
        assert await tenant_of(chain, issuer.mint()) is None
        assert await tenant_of(chain, api_server.mint("argo", "any")) is None
    assert not api_server.reviews


async def test_a_token_is_never_shown_to_another_than_its_issuer(
    tmp_path: Path, issuer: OidcIssuer, api_server: ApiServer
) -> None:
    """A forged token of a known issuer is not offered to the API server as a second chance."""
    async with admitting(files(tmp_path, issuer, api_server)) as chain:
        assert await tenant_of(chain, issuer.mint()[:-6] + "AAAAAA") is None
        assert await tenant_of(chain, "x" * 40) is None
    assert not api_server.reviews


async def test_refusals_read_alike_whoever_refused(
    tmp_path: Path, issuer: OidcIssuer, api_server: ApiServer
) -> None:
    elsewhere = OidcIssuer()
    bad = [
        "unknown",
        "x" * 20_000,
        api_server.mint("argo", "any", "another"),
        api_server.mint("argo", "any", lasts=-5),
        issuer.mint(exp=1),
        issuer.mint()[:-6] + "AAAAAA",
        elsewhere.mint(),
    ]
    said = set()
    async with admitting(files(tmp_path, issuer, api_server)) as chain:
        for token in bad:
            with pytest.raises(Unauthenticated) as refused:
                await chain.authenticate(token)
            said.add(refused.value.detail)
    assert len(said) == 1


async def test_the_identity_file_is_read_again_and_a_bad_one_changes_nothing(
    tmp_path: Path, issuer: OidcIssuer, api_server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    settings = files(tmp_path, issuer, api_server)
    path: Path = settings["identity_file"]
    async with admitting(settings) as chain:
        for stamp, text in enumerate(("kubernetes: [", "oidc: 7", "surprise: {}", "\x00"), 1):
            path.write_text(text)
            os.utime(path, ns=(stamp, stamp))
            assert await tenant_of(chain, issuer.mint()) == "gamma"
            assert str(path) in caplog.messages[-1]
        changed = content(issuer)
        changed["oidc"][0]["bindings"][0]["tenant"] = "delta"
        path.write_text(yaml.safe_dump(changed))
        assert await tenant_of(chain, issuer.mint()) == "delta"
        path.unlink()
        assert await tenant_of(chain, issuer.mint()) == "delta"


def _account(**changes: Any) -> dict[str, Any]:
    account = {"namespace": "a", "tenant": "a", "role": "viewer", **changes}
    return {"kubernetes": {"service_accounts": [account]}}


def _issuer(**changes: Any) -> dict[str, Any]:
    entry = {"issuer": "https://issuer.test", "audience": "a", **changes}
    return {"oidc": [{name: value for name, value in entry.items() if value is not None}]}


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("kubernetes.service_accounts.0.tenant", _account(tenant="A B")),
        ("kubernetes.service_accounts.0.role", _account(role="king")),
        ("kubernetes.service_accounts.0.platform", _account(platform=4)),
        ("kubernetes.audience", {"kubernetes": {"audience": ""}}),
        ("kubernetes.accounts", {"kubernetes": {"accounts": []}}),
        ("oidc.0.issuer", _issuer(issuer="http://issuer.test")),
        ("oidc.0.audience", _issuer(audience=None)),
        ("oidc.0.jwks_url", _issuer(jwks_url="http://issuer.test/keys")),
        ("oidc.0.algorithms.0", _issuer(algorithms=["HS256"])),
        ("oidc.0.algorithms.0", _issuer(algorithms=["none"])),
        ("oidc.0.*tenant_claim", _issuer(bindings=[{"group": "g", "role": "viewer"}])),
        ("oidc.0.*not both", _issuer(jwks_url="https://issuer.test/keys", jwks_file="keys.json")),
        ("is there twice", {"oidc": _issuer()["oidc"] * 2}),
        ("is not YAML", "{"),
    ],
    ids=str,
)
def test_a_bad_identity_file_is_named_with_the_place(tmp_path: Path, place: str, change: Any) -> None:
    path = tmp_path / "identity.yaml"
    path.write_text(change if isinstance(change, str) else yaml.safe_dump(change))
    with pytest.raises(ValueError, match=f"identity.yaml.*{place}"):
        BridgeSettings(auth="oidc", identity_file=path).authenticator()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"auth": "everyone"}, "AUTH: takes none, or any of tokens, kubernetes, oidc"),
        ({"auth": "none,tokens"}, "AUTH: takes none"),
        ({"auth": "oidc"}, "identity_file go together"),
        ({"identity_file": "/none.yaml"}, "identity_file go together"),
        ({"auth": "oidc", "identity_file": "/none.yaml"}, "/none.yaml"),
        ({"session_key_file": "/none.key", "auth": "tokens", "tokens_file": os.devnull}, "null is not JSON"),
        ({"session_url": "http://crossover.test"}, "SESSION_URL: must be an https"),
        ({"kubernetes_api": "http://api.test"}, "KUBERNETES_API: must be an https"),
        ({"session_hours": 0}, "SESSION_HOURS"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_end_the_start_with_a_sentence(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises((ValueError, OSError)) as refused:
        BridgeSettings(**settings).authenticator()
    assert words in BridgeSettings.words(refused.value)


@pytest.mark.parametrize(("way", "part"), [("oidc", "kubernetes"), ("kubernetes", "oidc")])
def test_a_way_in_and_its_part_of_the_identity_file_go_together(tmp_path: Path, way: str, part: str) -> None:
    parts = {"kubernetes": {}, "oidc": [{"issuer": "https://i.test", "audience": "a"}]}
    (tmp_path / "identity.yaml").write_text(yaml.safe_dump({part: parts[part]}))
    with pytest.raises(ValueError, match="go together"):
        BridgeSettings(auth=way, identity_file=tmp_path / "identity.yaml").authenticator()


def test_the_cluster_s_own_api_server_is_named_when_its_files_are_missing(tmp_path: Path) -> None:
    (tmp_path / "identity.yaml").write_text("kubernetes: {audience: crossover}")
    with pytest.raises(OSError, match=r"serviceaccount/token"):
        BridgeSettings(auth="kubernetes", identity_file=tmp_path / "identity.yaml").authenticator()
