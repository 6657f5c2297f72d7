"""The control plane that tests and people get: real, hurt on purpose, and gone afterwards."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import psutil
import pytest

from testbed.kubernetes.admin import (
    CONFIG_MAPS,
    SERVICE_ACCOUNTS,
    TASK_SETS,
    WORKFLOWS,
    Admin,
)
from testbed.kubernetes.build import Unbuilt, build
from testbed.kubernetes.control_plane import ControlPlane
from testbed.kubernetes.crds import apply_crds, definitions
from testbed.kubernetes.programs import KUBERNETES
from testbed.servers import PATIENCE

ROOT = Path(__file__).parents[2]

# Of the test alone: a build takes minutes, and has a limit of its own.
pytestmark = pytest.mark.timeout(300, func_only=True)


@pytest.fixture(scope="module")
def programs() -> Path:
    try:
        return build()
    except Unbuilt as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
async def plane(
    programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[ControlPlane, None]:
    async with ControlPlane.started(tmp_path_factory.mktemp("plane"), programs=programs) as started:
        yield started


@pytest.fixture
async def admin(plane: ControlPlane) -> AsyncGenerator[Admin, None]:
    async with Admin.connected(plane.kubeconfig) as client:
        await apply_crds(client)
        yield client


def trust(plane: ControlPlane) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=plane.ca_file)


def gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) for pid in pids)


async def test_it_answers_with_the_pinned_version(admin: Admin) -> None:
    assert await admin.version() == f"v{KUBERNETES}"


async def test_argos_resources_are_there_and_a_task_sets_status_is_a_part_of_its_own(admin: Admin) -> None:
    assert len(definitions()) == 8
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTaskSet", "metadata": {"name": "w"}}
    tasks = {"w-1": {"name": "t", "plugin": {"crossover": {"app": "a"}}}}
    nodes = {"w-1": {"phase": "Succeeded"}}
    made = await admin.create(
        TASK_SETS, {**body, "spec": {"tasks": tasks}, "status": {"nodes": {}}}, "default"
    )
    assert "status" not in made
    await admin.patch(TASK_SETS, "w", {"status": {"nodes": nodes}, "spec": None}, "default", "status")
    found = await admin.get(TASK_SETS, "w", "default")
    assert (found["spec"], found["status"]) == ({"tasks": tasks}, {"nodes": nodes})


async def test_a_workflows_status_is_a_part_of_it(admin: Admin) -> None:
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}}
    await admin.create(WORKFLOWS, {**body, "spec": {}, "status": {"phase": "Running"}}, "default")
    assert [each["status"] for each in await admin.list(WORKFLOWS, "default")] == [{"phase": "Running"}]
    await admin.delete_all(WORKFLOWS, "default")
    assert await admin.list(WORKFLOWS) == []


async def test_a_service_account_is_known_and_may_do_nothing_until_it_is_allowed_to(
    plane: ControlPlane, admin: Admin
) -> None:
    await admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": "nobody"}}, "default")
    token = await admin.service_account_token("nobody", "default")
    headers = {"Authorization": f"Bearer {token}"}
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    async with httpx.AsyncClient(
        base_url=plane.url, headers=headers, verify=trust(plane), timeout=PATIENCE
    ) as nobody:
        answer = await nobody.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json=review)
        refused = await nobody.get(CONFIG_MAPS.path("default"))
    assert answer.json()["status"]["userInfo"]["username"] == "system:serviceaccount:default:nobody"
    assert refused.status_code == 403


async def test_what_was_written_outlives_a_kill_of_the_api_server(admin: Admin, plane: ControlPlane) -> None:
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "kept"}}
    await admin.create(WORKFLOWS, {**body, "spec": {"entrypoint": "main"}}, "default")
    await plane.kill_api()
    with pytest.raises(httpx.TransportError):
        await admin.version()
    await plane.start_api()
    assert (await admin.get(WORKFLOWS, "kept", "default"))["spec"] == {"entrypoint": "main"}
    await admin.delete(WORKFLOWS, "kept", "default")


async def test_a_paused_api_server_answers_when_it_is_resumed(admin: Admin, plane: ControlPlane) -> None:
    plane.pause()
    asked = asyncio.create_task(admin.version())
    done, _ = await asyncio.wait({asked}, timeout=0.5)
    plane.resume()
    assert not done
    assert await asked == f"v{KUBERNETES}"


async def test_it_comes_back_with_other_flags_when_they_are_given(plane: ControlPlane) -> None:
    async with httpx.AsyncClient(base_url=plane.url, verify=trust(plane), timeout=PATIENCE) as stranger:
        before = await stranger.get("/version")
        await plane.kill_api()
        await plane.start_api(["--anonymous-auth=false"])
        after = await stranger.get("/version")
    await plane.kill_api()
    await plane.start_api([])
    assert (before.status_code, after.status_code) == (200, 401)


async def test_nothing_is_left_behind(programs: Path, tmp_path: Path) -> None:
    async with ControlPlane.started(tmp_path, programs=programs) as started:
        pids = started.pids
        assert len(pids) == 2
    assert gone(pids)


LONG_TEST = """
import asyncio, pathlib, sys
from testbed.kubernetes.control_plane import ControlPlane

async def main():
    folder, programs = map(pathlib.Path, sys.argv[1:])
    async with ControlPlane.started(folder, programs=programs) as plane:
        print(*plane.pids, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of who was killed")
async def test_nothing_is_left_behind_by_tests_that_were_killed(programs: Path, tmp_path: Path) -> None:
    program = [sys.executable, "-c", LONG_TEST, str(tmp_path), str(programs)]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        pids = [int(pid) for pid in killed.stdout.readline().split()]
        killed.kill()
    assert len(pids) == 2
    async with asyncio.timeout(PATIENCE):
        while not gone(pids):
            await asyncio.sleep(0.05)


def command(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and output of the command for people."""
    done = subprocess.run(
        [sys.executable, "-m", "testbed.kubernetes", *words, "--folder", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


async def test_a_person_starts_it_finds_it_ready_and_ends_it(programs: Path, tmp_path: Path) -> None:
    assert command(tmp_path, "status") == (1, "not up\n")
    kubeconfig = tmp_path / "kubeconfig"
    try:
        assert command(tmp_path, "up") == (0, f"{kubeconfig}\n")
        pids = [each.pid for each in psutil.process_iter(["cmdline"]) if mentions(each, tmp_path)]
        async with Admin.connected(kubeconfig) as admin:
            assert await admin.list(WORKFLOWS) == []
        code, said = command(tmp_path, "status")
        assert code == 0
        assert all(f"pid {pid}" in said for pid in pids)
        assert command(tmp_path, "up") == (0, f"{kubeconfig}\n")
    finally:
        ended = command(tmp_path, "down")
    assert ended == (0, "Ended: kube-apiserver, etcd.\n")
    assert len(pids) == 2
    assert gone(pids)
    assert command(tmp_path, "down") == (0, "Nothing was running.\n")


def mentions(process: psutil.Process, folder: Path) -> bool:
    return any(str(folder) in word for word in process.info["cmdline"] or [])
