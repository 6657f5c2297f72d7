"""A Kubernetes, our images in it, and one release that most tests share; tests/cluster/README.md says how."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from testbed.kubernetes.build import Unbuilt, build
from testbed.kubernetes.machine import lacks
from testbed.kubernetes.programs import FULL, HELM_CLIENT, PROGRAMS
from tests.cluster.images import Unbuildable, built_images
from tests.cluster.release import Release, trial_release
from tests.cluster.scene import prepare
from tests.cluster.site import GIVEN, IMAGE, TRIAL_IMAGE, Images, Site, given_site, own_site

_WHY_NOT = pytest.StashKey[str]()
_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.cluster)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds before the first test, whose time limit a build does not fit into."""
    needed = any("site" in getattr(item, "fixturenames", ()) for item in session.items)
    if not needed or session.config.option.collectonly:
        return
    try:
        if GIVEN in os.environ:
            build([PROGRAMS["kubectl"], HELM_CLIENT])
        elif not lacks():
            build(FULL)
            built_images()
    except (Unbuilt, Unbuildable) as error:
        session.config.stash[_WHY_NOT] = str(error)


@pytest.fixture(scope="package")
async def site(request: pytest.FixtureRequest) -> AsyncGenerator[Site, None]:
    reason = request.config.stash.get(_WHY_NOT, "")
    given = os.environ.get(GIVEN)
    if given and not (IMAGE in os.environ and TRIAL_IMAGE in os.environ):
        reason = (
            reason or f"{GIVEN} names a cluster: {IMAGE} and {TRIAL_IMAGE} have to name images it can pull."
        )
    elif not given:
        reason = reason or lacks()
    if reason:
        pytest.skip(reason)
    if given:
        images = Images(os.environ[IMAGE], os.environ[TRIAL_IMAGE])
        programs = build([PROGRAMS["kubectl"], HELM_CLIENT])
        async with given_site(Path(given), programs, images) as site:
            yield site
    else:
        images, archives = built_images()
        async with own_site(images, archives) as site:
            yield site


@pytest.fixture(scope="package")
async def release(site: Site) -> AsyncGenerator[Release, None]:
    """Installed, with a worker beside it."""
    async with trial_release(site) as release:
        await prepare(release)
        yield release
