"""What tests of Argo's objects run against: a real API server that knows Argo's resources.

`CROSSOVER_TEST_KUBECONFIG` names a cluster that exists already; its own resource definitions are left alone,
and tests that hurt the control plane skip. Without it one is built (minutes, once) and started (seconds).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from testbed.argo import NoArgo, RealArgo, argo_bin
from testbed.kubernetes.admin import CONFIG_MAPS, NAMESPACES, TASK_SETS, WORKFLOWS, Admin
from testbed.kubernetes.build import Unbuilt, build
from testbed.kubernetes.control_plane import ControlPlane
from testbed.kubernetes.crds import apply_crds

GIVEN = "CROSSOVER_TEST_KUBECONFIG"

_UNBUILT = pytest.StashKey[str]()


@dataclass(frozen=True)
class Cluster:
    """An API server with Argo's resources.

    Args:
        kubeconfig: of an admin.
        own: None for a cluster that was given to us.
    """

    kubeconfig: Path
    own: ControlPlane | None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds before the first test, whose time limit a build does not fit into."""
    needed = any("control_plane" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and GIVEN not in os.environ and not session.config.option.collectonly:
        try:
            build()
        except Unbuilt as error:
            session.config.stash[_UNBUILT] = str(error)


@pytest.fixture(scope="session")
async def control_plane(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Cluster, None]:
    """The given cluster, else one of our own that lives as long as the session."""
    if reason := request.config.stash.get(_UNBUILT, None):
        pytest.skip(reason)
    given = os.environ.get(GIVEN)
    async with _given(Path(given)) if given else _own(tmp_path_factory.mktemp("control-plane")) as cluster:
        yield cluster


@asynccontextmanager
async def _given(kubeconfig: Path) -> AsyncGenerator[Cluster, None]:
    async with Admin.connected(kubeconfig) as admin:
        await apply_crds(admin, keep=True)
    yield Cluster(kubeconfig, None)


@asynccontextmanager
async def _own(folder: Path) -> AsyncGenerator[Cluster, None]:
    async with ControlPlane.started(folder) as plane:
        async with Admin.connected(plane.kubeconfig) as admin:
            await apply_crds(admin)
        yield Cluster(plane.kubeconfig, plane)


@pytest.fixture(scope="session")
def argo_programs() -> Path:
    """Of a real Argo; without one, tests that need it skip and say why."""
    try:
        return argo_bin()
    except NoArgo as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
async def real_argo(
    argo_programs: Path, control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[RealArgo, None]:
    name = f"real-{uuid.uuid4().hex[:8]}"
    async with Admin.connected(control_plane.kubeconfig) as admin:
        await admin.create(NAMESPACES, {"metadata": {"name": name}})
    folder = tmp_path_factory.mktemp("argo")
    async with RealArgo.started(argo_programs, control_plane.kubeconfig, name, folder) as argo:
        yield argo


@pytest.fixture
def own_control_plane(control_plane: Cluster) -> ControlPlane:
    """For faults. Other tests of the session share it: it has to be well again when the test ends."""
    if control_plane.own is None:
        pytest.skip(f"a cluster that {GIVEN} names is not hurt")
    return control_plane.own


@pytest.fixture
async def admin(control_plane: Cluster) -> AsyncGenerator[Admin, None]:
    async with Admin.connected(control_plane.kubeconfig) as client:
        yield client


@pytest.fixture
def fresh_name() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def namespace(admin: Admin, fresh_name: str) -> AsyncGenerator[str, None]:
    """A fresh one. Afterwards its objects go first: in our own cluster nobody else would delete them."""
    await admin.create(NAMESPACES, {"metadata": {"name": fresh_name}})
    yield fresh_name
    for resource in (TASK_SETS, WORKFLOWS, CONFIG_MAPS):
        await admin.delete_all(resource, fresh_name)
    await admin.delete(NAMESPACES, fresh_name)
