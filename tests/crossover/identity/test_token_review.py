"""Service accounts' tokens: reviewed for our audience, asked about once, and never admitted unasked."""

from __future__ import annotations

import asyncio
import os
import random
import string
import subprocess
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from crossover.errors import Unauthenticated, Unavailable
from crossover.identity import Principal, Role
from crossover.identity.identity_file import Kubernetes, ServiceAccounts
from crossover.identity.kubernetes_api import KubernetesApi
from crossover.identity.token_review import AT_ONCE, REST, TokenReviews
from testbed.ports import free_port
from testbed.servers import Program, until_open
from tests.crossover.identity.api_server import OWN_TOKEN, ApiServer
from tests.patience import PATIENCE

STEP = "system:serviceaccount:argo:step"


class Rules:
    """The identity file's part, which may change at any time."""

    def __init__(self, *accounts: ServiceAccounts, audience: str = "crossover") -> None:
        self.now: Kubernetes | None = Kubernetes(audience=audience, service_accounts=accounts)

    def __call__(self) -> Kubernetes | None:
        return self.now


def account(
    namespace: str = "argo", name: str | None = "step", tenant: str = "acme", role: Role = Role.OPERATOR
) -> ServiceAccounts:
    return ServiceAccounts.model_validate(
        {"namespace": namespace, "name": name, "tenant": tenant, "role": role.name}
    )


@pytest.fixture
def rules() -> Rules:
    return Rules(account())


@pytest.fixture
async def reviews(api_server: ApiServer, rules: Rules, tmp_path: Path) -> AsyncGenerator[TokenReviews, None]:
    (tmp_path / "token").write_text(OWN_TOKEN + "\n")
    reviews = TokenReviews(KubernetesApi(api_server.url, tmp_path / "token", None, timeout=PATIENCE), rules)
    yield reviews
    await reviews.aclose()


async def test_a_bound_service_account_is_its_tenants(reviews: TokenReviews, api_server: ApiServer) -> None:
    token = api_server.mint("argo", "step")
    assert await reviews.authenticate(token) == Principal(STEP, "acme", Role.OPERATOR)


async def test_a_thousand_requests_in_a_second_are_one_review(
    reviews: TokenReviews, api_server: ApiServer
) -> None:
    token = api_server.mint("argo", "step")
    api_server.delay = 0.1
    started = time.monotonic()
    while time.monotonic() - started < 1.5:
        await asyncio.gather(*(reviews.authenticate(token) for _ in range(100)))
        await asyncio.sleep(0.1)
    assert api_server.reviews[token] == 1


@pytest.mark.parametrize("audience", ["another", "https://kubernetes.default.svc", None])
async def test_a_token_made_for_somebody_else_is_refused_without_asking(
    reviews: TokenReviews, api_server: ApiServer, audience: str | None
) -> None:
    with pytest.raises(Unauthenticated):
        await reviews.authenticate(api_server.mint("argo", "step", audience))
    assert not api_server.reviews


async def test_a_yes_that_names_no_audience_is_a_no(reviews: TokenReviews, api_server: ApiServer) -> None:
    api_server.names_audiences = False
    with pytest.raises(Unauthenticated):
        await reviews.authenticate(api_server.mint("argo", "step"))


async def test_a_token_that_is_over_is_refused(reviews: TokenReviews, api_server: ApiServer) -> None:
    with pytest.raises(Unauthenticated):
        await reviews.authenticate(api_server.mint("argo", "step", lasts=-1))


async def test_a_yes_does_not_outlast_the_token(reviews: TokenReviews, api_server: ApiServer) -> None:
    token = api_server.mint("argo", "step", lasts=6)
    await reviews.authenticate(token)
    with pytest.raises(Unauthenticated):
        await _used_until_refused(reviews, token)


async def _used_until_refused(reviews: TokenReviews, token: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            await reviews.authenticate(token)
            await asyncio.sleep(0.05)


async def test_no_mutation_of_a_token_is_admitted_or_floods_the_api_server(
    reviews: TokenReviews, api_server: ApiServer
) -> None:
    token, chance = api_server.mint("argo", "step"), random.Random(7)
    await reviews.authenticate(token)
    mutated = {_mutation(token, chance) for _ in range(1000)} - {token}
    api_server.delay = 0.002
    refused = await asyncio.gather(*(reviews.authenticate(each) for each in mutated), return_exceptions=True)
    assert {type(each) for each in refused} == {Unauthenticated}
    await reviews.authenticate(token)
    assert api_server.reviews[token] == 1
    assert 1 < api_server.most_at_once <= AT_ONCE


def _mutation(token: str, chance: random.Random) -> str:
    place = chance.randrange(len(token))
    kind = chance.choice(("swap", "cut", "add"))
    if kind == "cut":
        return token[:place]
    letter = chance.choice(string.ascii_letters + ".-_ é")
    return token[:place] + letter + token[place + (kind == "swap") :]


async def test_a_refusal_is_remembered_for_a_while(reviews: TokenReviews, api_server: ApiServer) -> None:
    api_server.deleted = {STEP}
    token = api_server.mint("argo", "step")
    for _ in range(20):
        with pytest.raises(Unauthenticated):
            await reviews.authenticate(token)
    assert api_server.reviews[token] == 1


@pytest.mark.parametrize("trouble", ["500", "403", "no review", "no JSON", "down"])
async def test_without_the_api_server_nobody_new_is_known_and_who_was_reviewed_goes_on(
    reviews: TokenReviews, api_server: ApiServer, trouble: str
) -> None:
    known, new = api_server.mint("argo", "step"), api_server.mint("argo", "step")
    await reviews.authenticate(known)
    match trouble:
        case "down":
            await api_server.stop()
        case "no review":
            api_server.raw = b'{"status": []}'
        case "no JSON":
            api_server.raw = b"<html>"
        case status:
            api_server.answers = int(status)
    with pytest.raises(Unavailable) as away:
        await reviews.authenticate(new)
    assert away.value.retry_after
    assert (await reviews.authenticate(known)).name == STEP


async def test_an_api_server_that_failed_is_not_asked_by_every_request(
    reviews: TokenReviews, api_server: ApiServer
) -> None:
    api_server.answers = 500
    began = time.monotonic()
    for _ in range(50):
        with pytest.raises(Unavailable):
            await reviews.authenticate(api_server.mint("argo", "step"))
    assert api_server.reviews.total() <= 2 + (time.monotonic() - began) / REST


async def test_an_api_server_that_never_answers_is_waited_for_only_so_long(
    api_server: ApiServer, rules: Rules, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(OWN_TOKEN)
    api_server.delay = 5
    reviews = TokenReviews(KubernetesApi(api_server.url, tmp_path / "token", None, timeout=0.2), rules)
    with pytest.raises(Unavailable):
        await reviews.authenticate(api_server.mint("argo", "step"))
    await reviews.aclose()


async def test_once_the_api_server_is_back_callers_are_known_again(
    reviews: TokenReviews, api_server: ApiServer
) -> None:
    token = api_server.mint("argo", "step")
    api_server.answers = 500
    with pytest.raises(Unavailable):
        await reviews.authenticate(token)
    api_server.answers = None
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                assert (await reviews.authenticate(token)).tenant == "acme"
                break
            except Unavailable:
                await asyncio.sleep(0.05)


async def test_one_client_that_hangs_up_does_not_take_the_answer_from_the_others(
    reviews: TokenReviews, api_server: ApiServer
) -> None:
    api_server.delay = 0.3
    token = api_server.mint("argo", "step")
    first = asyncio.create_task(reviews.authenticate(token))
    others = [asyncio.create_task(reviews.authenticate(token)) for _ in range(5)]
    async with asyncio.timeout(PATIENCE):
        while not api_server.reviews[token]:
            await asyncio.sleep(0.01)
    first.cancel()
    assert {principal.tenant for principal in await asyncio.gather(*others)} == {"acme"}
    assert api_server.reviews[token] == 1


async def test_a_removed_binding_counts_at_once(
    reviews: TokenReviews, api_server: ApiServer, rules: Rules
) -> None:
    token = api_server.mint("argo", "step")
    await reviews.authenticate(token)
    rules.now = Kubernetes(audience="crossover")
    with pytest.raises(Unauthenticated, match="argo:step is known, but has no tenant"):
        await reviews.authenticate(token)
    rules.now = None
    with pytest.raises(Unauthenticated, match="not accepted"):
        await reviews.authenticate(token)


async def test_another_audience_is_another_question(
    reviews: TokenReviews, api_server: ApiServer, rules: Rules
) -> None:
    token = api_server.mint("argo", "step")
    await reviews.authenticate(token)
    rules.now = Kubernetes(audience="other", service_accounts=(account(),))
    with pytest.raises(Unauthenticated):
        await reviews.authenticate(token)


@pytest.mark.skipif("CROSSOVER_TEST_KUBECONFIG" not in os.environ, reason="needs a real cluster, and kubectl")
async def test_a_real_api_server_reviews_a_real_token() -> None:
    kubectl = ["kubectl", "--kubeconfig", os.environ["CROSSOVER_TEST_KUBECONFIG"]]
    create = [*kubectl, "create", "token", "default", "--namespace", "default", "--audience", "crossover"]
    token = subprocess.run(create, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
    port = free_port()
    async with Program([*kubectl, "proxy", "--port", str(port)]):
        await until_open(port)
        rules = Rules(account(namespace="default", name="default"))
        reviews = TokenReviews(KubernetesApi(f"http://127.0.0.1:{port}", None, None), rules)
        try:
            assert (await reviews.authenticate(token)).tenant == "acme"
            with pytest.raises(Unauthenticated):
                await reviews.authenticate(token[:-4] + "AAAA")
        finally:
            await reviews.aclose()
