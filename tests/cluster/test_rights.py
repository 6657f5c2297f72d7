"""Every account of the chart has the rights that its program needs, and not one more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path

import pytest
import yaml

from testbed.kubernetes.admin import PODS, TASK_SETS, WORKFLOWS, Admin, Refused, Resource
from tests.cluster.release import Release
from tests.cluster.rights import (
    AT_HOME,
    EVERYWHERE,
    IN_ARGO,
    NOBODYS,
    STEPS,
    Right,
    account,
    allowed,
    granted,
)
from tests.cluster.step_pods import ACCOUNT

SECRETS = Resource("api/v1", "secrets")
COMPONENTS = pytest.mark.parametrize("component", sorted(IN_ARGO))


@asynccontextmanager
async def as_user(release: Release, name: str, namespace: str, folder: Path) -> AsyncGenerator[Admin, None]:
    """With the account's own token, made for the API server as pods have it."""
    token = await release.token(name, namespace, audience="")
    config = yaml.safe_load(
        await release.site.run_kubectl("config", "view", "--raw", "--minify", "-o", "yaml")
    )
    (user,) = config["users"]
    user["user"] = {"token": token}
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    async with Admin.connected(file) as own:
        yield own


async def refused(right: Right, release: Release, user: str, namespaces: list[str]) -> list[str]:
    """Where the right is there although it should not be."""
    answers = [allowed(release.site.admin, user, right, namespace) for namespace in namespaces]
    found = zip(namespaces, await asyncio.gather(*answers), strict=True)
    return [f"{right} in {namespace or 'all namespaces'}" for namespace, yes in found if yes]


@COMPONENTS
async def test_a_component_may_do_what_its_program_does(release: Release, component: str) -> None:
    user, admin = account(component, release), release.site.admin
    places = dict.fromkeys((release.argo, release.other), IN_ARGO[component])
    places |= {
        release.namespace: AT_HOME.get(component, frozenset()),
        "": EVERYWHERE.get(component, frozenset()),
    }
    for namespace, wanted in places.items():
        for right in wanted:
            assert await allowed(admin, user, right, namespace), f"{right} in {namespace}"


@COMPONENTS
async def test_no_component_may_do_what_none_needs(release: Release, component: str) -> None:
    user = account(component, release)
    places = [release.argo, release.other, release.namespace, "default", "kube-system", ""]
    found = [await refused(right, release, user, places) for right in NOBODYS]
    assert list(chain.from_iterable(found)) == []


@COMPONENTS
async def test_what_a_component_may_do_with_workflows_ends_with_its_namespaces(
    release: Release, component: str
) -> None:
    user = account(component, release)
    found = [
        await refused(right, release, user, ["default", "kube-system", "", release.namespace])
        for right in IN_ARGO[component]
    ]
    assert list(chain.from_iterable(found)) == []


@COMPONENTS
async def test_nothing_is_granted_that_is_not_written_down(
    release: Release, component: str, tmp_path: Path
) -> None:
    everywhere = EVERYWHERE.get(component, frozenset())
    async with as_user(release, f"{release.name}-{component}", release.namespace, tmp_path) as own:
        assert await granted(own, release.argo) == IN_ARGO[component] | everywhere
        assert await granted(own, release.other) == IN_ARGO[component] | everywhere
        assert await granted(own, release.namespace) == AT_HOME.get(component, frozenset()) | everywhere
        assert await granted(own, "default") == everywhere


async def test_a_steps_account_may_report_to_argo_and_nothing_else(release: Release, tmp_path: Path) -> None:
    async with as_user(release, ACCOUNT, release.argo, tmp_path) as own:
        assert await granted(own, release.argo) == STEPS
        assert await granted(own, release.other) == frozenset()
        assert await granted(own, release.namespace) == frozenset()


async def forbidden(call: object) -> bool:
    try:
        await call  # type: ignore[misc]
    except Refused as answer:
        return answer.status == 403
    return False


async def test_the_log_streamer_reads_pods_and_cannot_read_secrets(release: Release, tmp_path: Path) -> None:
    async with as_user(release, f"{release.name}-log-streamer", release.namespace, tmp_path) as own:
        assert await own.list(PODS, release.argo)
        assert await forbidden(own.list(SECRETS, release.argo))
        assert await forbidden(own.list(PODS, release.namespace))
        assert await forbidden(own.list(PODS))


async def test_the_bridge_looks_at_workflows_and_cannot_change_them(release: Release, tmp_path: Path) -> None:
    async with as_user(release, f"{release.name}-bridge", release.namespace, tmp_path) as own:
        with pytest.raises(Refused) as answer:
            await own.get(WORKFLOWS, "no-such", release.argo)
        assert answer.value.status == 404
        assert await forbidden(own.patch(WORKFLOWS, "no-such", {"spec": {"shutdown": "Stop"}}, release.argo))
        assert await forbidden(own.list(WORKFLOWS, release.argo))


async def test_the_agent_writes_tasks_results_and_cannot_change_tasks(
    release: Release, tmp_path: Path
) -> None:
    async with as_user(release, f"{release.name}-agent", release.namespace, tmp_path) as own:
        await own.list(TASK_SETS, release.argo)
        assert await forbidden(own.patch(TASK_SETS, "no-such", {"spec": {}}, release.argo))
        assert await forbidden(own.list(PODS, release.argo))
