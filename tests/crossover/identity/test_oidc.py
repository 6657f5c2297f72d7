"""JWTs of OpenID Connect issuers: proven by the issuer's own keys, for us, now; and nothing else is."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crossover.errors import Unauthenticated, Unavailable
from crossover.identity import Principal, Role
from crossover.identity.identity_file import Issuer
from crossover.identity.jwks import KeySet, UnknownKey
from crossover.identity.oidc import OidcTokens
from tests.crossover.identity.issuer import AUDIENCE, OidcIssuer

TEAM_A = {"group": "team-a", "tenant": "acme", "role": "operator"}


def rules(issuer: OidcIssuer, **changes: Any) -> Issuer:
    given = {"issuer": issuer.url, "audience": AUDIENCE, "name_claim": "email", "bindings": [TEAM_A]}
    return Issuer.model_validate({**given, **changes})


class Tokens:
    """An OidcTokens whose part of the identity file may change at any time."""

    def __init__(self, *rules: Issuer) -> None:
        self.rules = rules
        self.oidc = OidcTokens(lambda: self.rules)

    async def accepts(self, token: str) -> bool:
        try:
            await self.oidc.authenticate(token)
        except Unauthenticated:
            return False
        return True


@pytest.fixture
async def tokens(issuer: OidcIssuer) -> AsyncGenerator[Tokens, None]:
    tokens = Tokens(rules(issuer))
    yield tokens
    await tokens.oidc.aclose()


async def test_a_member_of_a_bound_group_is_its_tenants(tokens: Tokens, issuer: OidcIssuer) -> None:
    principal = await tokens.oidc.authenticate(issuer.mint())
    assert principal == Principal("ada@example.test", "acme", Role.OPERATOR)


async def test_a_thousand_tokens_are_checked_with_keys_fetched_once(
    tokens: Tokens, issuer: OidcIssuer
) -> None:
    made = [issuer.mint(jti=str(number)) for number in range(1000)]
    await asyncio.gather(*(tokens.oidc.authenticate(token) for token in made))
    assert issuer.fetches == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["another", "crossover2"]},
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"nbf": 4_102_444_800},
        {"email": None},
        {"groups": None},
        {"groups": ["team-b", "TEAM-A"]},
        {"groups": {"team-a": True}},
    ],
    ids=str,
)
async def test_a_token_with_other_claims_is_refused(
    tokens: Tokens, issuer: OidcIssuer, changes: dict[str, Any]
) -> None:
    assert await tokens.accepts(issuer.mint())
    assert not await tokens.accepts(issuer.mint(**changes))


async def test_clocks_may_differ_by_half_a_minute(tokens: Tokens, issuer: OidcIssuer) -> None:
    now = int(time.time())
    assert await tokens.accepts(issuer.mint(exp=now - 20, nbf=now - 600))
    assert await tokens.accepts(issuer.mint(nbf=now + 20))
    assert not await tokens.accepts(issuer.mint(exp=now - 40))
    assert not await tokens.accepts(issuer.mint(nbf=now + 50))


def _segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_token_without_a_signature_is_refused(tokens: Tokens, issuer: OidcIssuer) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        header = {"alg": algorithm, "kid": "first"}
        assert not await tokens.accepts(f"{_segment(header)}.{_segment(issuer.claims())}.")
    assert not await tokens.accepts(issuer.mint().rsplit(".", 1)[0] + ".")


async def test_the_public_key_is_no_shared_secret(tokens: Tokens, issuer: OidcIssuer) -> None:
    """The classic confusion: what signs with HMAC and the published key."""
    pem = issuer.keys["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, json.dumps(issuer.jwks()["keys"][0]).encode()):
        signed = f"{_segment({'alg': 'HS256', 'kid': 'first'})}.{_segment(issuer.claims())}"
        signature = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256"))
        assert not await tokens.accepts(f"{signed}.{signature.rstrip(b'=').decode()}")


async def test_a_key_that_the_token_brings_along_counts_for_nothing(
    tokens: Tokens, issuer: OidcIssuer
) -> None:
    own = OidcIssuer()
    header = {"kid": "first", "jwk": own.jwks()["keys"][0], "jku": f"{own.url}/keys"}
    assert not await tokens.accepts(jwt.encode(issuer.claims(), own.keys["first"], "ES256", header))


async def test_an_algorithm_that_is_not_listed_is_refused(tokens: Tokens, issuer: OidcIssuer) -> None:
    issuer.keys = {"p384": ec.generate_private_key(ec.SECP384R1())}
    assert not await tokens.accepts(
        jwt.encode(issuer.claims(), issuer.keys["p384"], "ES384", {"kid": "p384"})
    )
    tokens.rules = (rules(issuer, algorithms=["ES384"]),)
    assert await tokens.accepts(jwt.encode(issuer.claims(), issuer.keys["p384"], "ES384", {"kid": "p384"}))


async def test_rsa_keys_count_too_unless_they_are_weak(tokens: Tokens, issuer: OidcIssuer) -> None:
    issuer.keys = {
        "good": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "weak": rsa.generate_private_key(public_exponent=65537, key_size=1024),
    }
    assert await tokens.accepts(issuer.mint("good"))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        weak = issuer.mint("weak")
    assert not await tokens.accepts(weak)


async def test_a_key_for_encryption_signs_nothing(tokens: Tokens, issuer: OidcIssuer) -> None:
    issuer.key_fields = {"use": "enc"}
    assert not await tokens.accepts(issuer.mint())


async def test_a_token_without_a_key_id_is_checked_with_the_only_key(
    tokens: Tokens, issuer: OidcIssuer
) -> None:
    assert await tokens.accepts(issuer.mint(None))


async def test_after_a_rotation_the_new_key_counts_at_once() -> None:
    """The fetch limit is 30 s after a fetch; here the first one was long ago."""
    documents: list[dict[str, Any]] = []
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = OidcIssuer()
    issuer.keys = {"old": key}
    documents.append(issuer.jwks())
    issuer.keys = {"old": key, "new": ec.generate_private_key(ec.SECP256R1())}
    documents.append(issuer.jwks())

    async def fetch() -> dict[str, Any]:
        return documents.pop(0)

    keys = KeySet(fetch, again=0.0)
    assert (await keys.key("old", "ES256")).key_id == "old"
    assert (await keys.key("new", "ES256")).key_id == "new"
    assert documents == []


async def test_made_up_key_ids_do_not_become_a_flood_at_the_issuer(
    tokens: Tokens, issuer: OidcIssuer
) -> None:
    assert await tokens.accepts(issuer.mint())
    key = ec.generate_private_key(ec.SECP256R1())
    forged = [jwt.encode(issuer.claims(), key, "ES256", {"kid": f"k{number}"}) for number in range(200)]
    assert not any(await asyncio.gather(*(tokens.accepts(token) for token in forged)))
    assert issuer.fetches == 1


async def test_a_withdrawn_key_counts_no_more_once_the_keys_are_old() -> None:
    issuer = OidcIssuer()
    documents = [issuer.jwks(), {"keys": []}]

    async def fetch() -> dict[str, Any]:
        return documents.pop(0)

    keys = KeySet(fetch, fresh=0.0, again=0.0)
    await keys.key("first", "ES256")
    documents.append({"keys": []})
    with pytest.raises(UnknownKey):
        await keys.key("first", "ES256")


async def test_while_the_issuer_is_away_known_keys_go_on(tokens: Tokens, issuer: OidcIssuer) -> None:
    assert await tokens.accepts(issuer.mint())
    await issuer.stop()
    assert await tokens.accepts(issuer.mint(jti="another"))


@pytest.mark.parametrize("trouble", ["down", "500", "impostor"])
async def test_without_any_keys_nobody_is_refused_for_good(
    tokens: Tokens, issuer: OidcIssuer, trouble: str
) -> None:
    match trouble:
        case "down":
            await issuer.stop()
        case "500":
            issuer.answers = 500
        case "impostor":
            issuer.calls_itself = "https://elsewhere.test"
    with pytest.raises(Unavailable) as away:
        await tokens.oidc.authenticate(issuer.mint())
    assert away.value.retry_after


async def test_keys_may_come_from_a_file(issuer: OidcIssuer, tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(issuer.jwks()))
    tokens = Tokens(rules(issuer, jwks_file=path))
    await issuer.stop()
    assert await tokens.accepts(issuer.mint())
    await tokens.oidc.aclose()


async def test_the_tenant_may_come_from_a_claim(tokens: Tokens, issuer: OidcIssuer) -> None:
    binding = {"group": "team-a", "role": "viewer", "platform": "approver"}
    tokens.rules = (rules(issuer, tenant_claim="org", bindings=[binding]),)
    principal = await tokens.oidc.authenticate(issuer.mint(org="beta"))
    assert (principal.tenant, principal.role, principal.platform) == ("beta", Role.VIEWER, Role.APPROVER)
    for org in ("*", "Not A Label", "", None, ["beta"], 1):
        assert not await tokens.accepts(issuer.mint(org=org))


async def test_all_that_is_granted_counts_and_the_first_tenant_is_acted_in(
    tokens: Tokens, issuer: OidcIssuer
) -> None:
    bindings = [
        {"group": "b", "tenant": "beta", "role": "viewer"},
        TEAM_A,
        {"group": "c", "tenant": "beta", "role": "admin", "platform": "viewer"},
    ]
    tokens.rules = (rules(issuer, bindings=bindings),)
    principal = await tokens.oidc.authenticate(issuer.mint(groups=["team-a", "b", "c"]))
    assert (principal.tenant, principal.role, principal.platform) == ("beta", Role.ADMIN, Role.VIEWER)
    assert principal.others == {("acme", Role.OPERATOR)}


async def test_an_issuer_that_is_removed_from_the_file_counts_no_more(
    tokens: Tokens, issuer: OidcIssuer
) -> None:
    assert await tokens.accepts(issuer.mint())
    tokens.rules = (rules(issuer), rules(issuer).model_copy(update={"issuer": "https://elsewhere.test"}))
    assert await tokens.accepts(issuer.mint())
    assert issuer.fetches == 1, "an entry that stays keeps its keys"
    tokens.rules = ()
    assert not await tokens.accepts(issuer.mint())


async def test_no_random_text_is_a_token(tokens: Tokens, issuer: OidcIssuer) -> None:
    header, claims, signature = issuer.mint().split(".")
    junk = [os.urandom(40).hex(), f"{claims}.{header}.{signature}", f"{header}.{claims}", "..", "é.é.é"]
    headers: list[Any] = [[], {"alg": 1}, {"alg": "ES256", "kid": 7}]
    junk += [f"{_segment(each)}.{claims}.{signature}" for each in headers]
    assert not any([await tokens.accepts(token) for token in junk])
