"""A real Argo, when `ARGO_BIN` names a folder with its programs; without it these tests skip."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
import uvicorn
import yaml
from temporalio.client import Client
from temporalio.worker import Worker

from bridge.agent import create_app
from bridge.agent_settings import AgentSettings
from testbed.argo import RealArgo
from testbed.kubernetes.admin import NAMESPACES, Admin, Resource
from testbed.ports import free_port
from testbed.servers import Bridge, TemporalServer, until_open
from tests.argo.conftest import Cluster
from tests.argo.real.scene import Scene
from tests.bridge.conftest import make_worker

SECRETS = Resource("api/v1", "secrets")


@pytest.fixture(scope="package")
async def worker(client: Client) -> AsyncGenerator[Worker, None]:
    async with make_worker(client) as worker:
        yield worker


@pytest.fixture(scope="package")
async def scenes(
    argo_programs: Path,
    control_plane: Cluster,
    temporal: TemporalServer,
    client: Client,
    worker: Worker,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Mapping[str, Scene], None]:
    """By mode. The plugin has an Argo of its own: the agent would take its tasks, which look the same."""
    async with AsyncExitStack() as stack:
        cluster = (argo_programs, control_plane, temporal, client)
        with_agent = await _opened(stack, tmp_path_factory.mktemp("agent"), *cluster)
        await stack.enter_async_context(_agent(with_agent, temporal, control_plane))
        without = await _opened(stack, tmp_path_factory.mktemp("plugin"), *cluster)
        yield {"agent": with_agent, "callback": with_agent, "plugin": without}
        for pod in without.agent_pods.values():
            await pod.stop()


@pytest.fixture
def scene(scenes: Mapping[str, Scene], mode: str) -> Scene:
    return scenes[mode]


async def _opened(
    stack: AsyncExitStack,
    folder: Path,
    programs: Path,
    cluster: Cluster,
    temporal: TemporalServer,
    client: Client,
) -> Scene:
    namespace = f"real-{uuid.uuid4().hex[:8]}"
    admin = await stack.enter_async_context(Admin.connected(cluster.kubeconfig))
    await admin.create(NAMESPACES, {"metadata": {"name": namespace}})
    started = RealArgo.started(programs, cluster.kubeconfig, namespace, folder)
    argo = await stack.enter_async_context(started)
    bridge = Bridge(
        temporal.address,
        folder / "bridge.log",
        registry_file=_registry(folder, namespace),
        argo_server_url=argo.url,
        tenant="acme",
    )
    await stack.enter_async_context(bridge)
    scene = Scene(admin, argo, bridge, client, folder)
    await scene.apply_templates()
    await admin.create(SECRETS, _secret(), namespace)
    return scene


def _registry(folder: Path, namespace: str) -> Path:
    file = folder / "registry.yaml"
    names = ("Echo", "Stubborn", "Talker")
    apps = {name.lower(): {"workflow_type": name, "task_queue": "work"} for name in names}
    file.write_text(yaml.safe_dump({"apps": apps, "tenants": {"acme": {"argo_namespaces": [namespace]}}}))
    return file


def _secret() -> dict[str, object]:
    """What http templates send; this bridge asks for no token."""
    return {"metadata": {"name": "crossover-token"}, "stringData": {"authorization": "Bearer none"}}


@asynccontextmanager
async def _agent(scene: Scene, temporal: TemporalServer, cluster: Cluster) -> AsyncGenerator[None, None]:
    """In this process: `http` templates call a bridge on loopback, which no setting allows."""
    settings = AgentSettings(
        temporal_address=temporal.address,
        kubernetes=str(cluster.kubeconfig),
        registry_file=scene.folder / "registry.yaml",
        namespaces=scene.namespace,
        elect=False,
        listen_port=free_port(),
    )
    app = create_app(settings, http_allow=[ip_network("127.0.0.0/8")])
    server = uvicorn.Server(uvicorn.Config(app, port=settings.listen_port, log_config=None))
    serving = asyncio.create_task(server.serve())
    await until_open(settings.listen_port)
    yield
    server.should_exit = True
    await serving
