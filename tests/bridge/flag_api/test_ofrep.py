"""OFREP, as the public OpenFeature provider and as the protocol's text see it."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails, Reason

from tests.bridge.flag_api.conftest import FLAG, Scene
from tests.patience import PATIENCE

EVALUATE = "/ofrep/v1/evaluate/flags"


def client_of(scene: Scene, who: str) -> OpenFeatureClient:
    authorization = scene.as_(who).headers["authorization"]
    provider = OFREPProvider(
        scene.bridge.url, headers_factory=lambda: {"Authorization": authorization}, timeout=PATIENCE
    )
    api.set_provider(provider, domain=who)
    return api.get_client(domain=who)


async def details(scene: Scene, who: str, flag: str = FLAG, **about: str) -> FlagEvaluationDetails[bool]:
    context = EvaluationContext(about.pop("tenant", None), dict(about))
    return await asyncio.to_thread(lambda: client_of(scene, who).get_boolean_details(flag, True, context))


async def test_the_public_provider_gets_value_variant_reason_and_version(
    scene: Scene, flags: httpx.AsyncClient
) -> None:
    await flags.post(
        f"/v1/flags/{FLAG}/allow",
        json={"tenant": "acme", "when": {"app": ["sync"]}, "reason": "one app"},
    )
    on, off = await details(scene, "acme", app="sync"), await details(scene, "acme", app="other")
    assert (on.value, on.variant, on.reason) == (True, "crossover", Reason.TARGETING_MATCH)
    assert (off.value, off.variant, off.reason) == (False, "legacy", Reason.DEFAULT)
    assert on.flag_metadata["config_version"] == await scene.version()
    assert on.flag_metadata["rule"] == f"flags.{FLAG}.allow[0]"


async def test_shadow_is_false_for_who_only_asks_for_the_value(
    scene: Scene, flags: httpx.AsyncClient
) -> None:
    await flags.post(
        f"/v1/flags/{FLAG}/allow", json={"tenant": "acme", "variant": "shadow", "reason": "compare"}
    )
    found = await details(scene, "acme")
    assert (found.value, found.variant) == (False, "shadow")


async def test_an_unknown_flag_falls_back_to_the_codes_default(
    scene: Scene, flags: httpx.AsyncClient
) -> None:
    found = await details(scene, "acme", flag="enable_nothing")
    assert (found.value, str(found.error_code)) == (True, "FLAG_NOT_FOUND")


async def test_another_tenants_key_is_refused_unless_the_caller_is_of_the_platform(
    scene: Scene, flags: httpx.AsyncClient
) -> None:
    assert (await details(scene, "acme", tenant="acme")).error_code is None
    assert (await details(scene, "acme", tenant="beta")).error_code is not None
    assert (await details(scene, "reader", tenant="acme")).error_code is None
    known = await scene.as_("acme").post(EVALUATE, json={"context": {"targetingKey": "beta"}})
    unknown = await scene.as_("acme").post(EVALUATE, json={"context": {"targetingKey": "nobody"}})
    assert (known.status_code, known.json()) == (403, unknown.json())


async def test_bulk_evaluation_is_answered_once_per_change(scene: Scene, flags: httpx.AsyncClient) -> None:
    client = scene.as_("acme")
    first = await client.post(EVALUATE, json={"context": {"targetingKey": "acme"}})
    assert [flag["key"] for flag in first.json()["flags"]] == [FLAG]
    held = {"If-None-Match": first.headers["etag"]}
    assert (await client.post(EVALUATE, json={}, headers=held)).status_code == 304
    await flags.post(f"/v1/flags/{FLAG}/rollout", json={"crossover": 100, "reason": "all in"})
    assert (await client.post(EVALUATE, json={}, headers=held)).status_code == 200


@pytest.mark.parametrize(
    "context", [{"targetingKey": 7}, {"app": ["a"]}, "acme", {"targetingKey": "No Such"}]
)
async def test_a_bad_context_is_told_in_the_protocols_words(
    scene: Scene, flags: httpx.AsyncClient, context: object
) -> None:
    for path in (EVALUATE, f"{EVALUATE}/{FLAG}"):
        reply = await scene.as_("reader").post(path, json={"context": context})
        assert (reply.status_code, reply.json()["errorCode"]) == (400, "INVALID_CONTEXT")
        assert reply.json()["errorDetails"]


async def test_nobody_asks_without_a_token(scene: Scene, flags: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=scene.bridge.url, timeout=PATIENCE, trust_env=False) as nobody:
        assert (await nobody.post(EVALUATE, json={})).status_code == 401
