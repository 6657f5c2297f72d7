"""A real Argo, when `ARGO_BIN` names a folder with its programs; without it these tests skip."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
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
from testbed.argo import NoArgo, RealArgo, argo_bin
from testbed.kubernetes.admin import NAMESPACES, Admin, Resource
from testbed.ports import free_port
from testbed.servers import BIN, Bridge, Program, TemporalServer, until_open
from tests.argo.conftest import Cluster
from tests.argo.real.scene import Scene
from tests.bridge.conftest import make_worker

SECRETS = Resource("api/v1", "secrets")
AGENT_TOKEN = Path("/var/run/argo/crossover/token")
"""Where Argo's agent looks for the plugin's token: the folder cannot be moved."""


@pytest.fixture(scope="session")
def programs() -> Path:
    try:
        return argo_bin()
    except NoArgo as error:
        pytest.skip(str(error))


@pytest.fixture(scope="package")
async def worker(client: Client) -> AsyncGenerator[Worker, None]:
    async with make_worker(client) as worker:
        yield worker


@pytest.fixture(scope="package")
async def scene(
    programs: Path,
    control_plane: Cluster,
    temporal: TemporalServer,
    client: Client,
    worker: Worker,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[Scene, None]:
    folder = tmp_path_factory.mktemp("argo")
    namespace = f"real-{uuid.uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(Admin.connected(control_plane.kubeconfig))
        await admin.create(NAMESPACES, {"metadata": {"name": namespace}})
        started = RealArgo.started(programs, control_plane.kubeconfig, namespace, folder)
        argo = await stack.enter_async_context(started)
        bridge = await stack.enter_async_context(
            Bridge(
                temporal.address,
                folder / "bridge.log",
                registry_file=_registry(folder, namespace),
                argo_server_url=argo.url,
                tenant="acme",
            )
        )
        await stack.enter_async_context(_agent(temporal, control_plane, namespace, folder))
        port, token = free_port(), _agent_token()
        env = {
            "CROSSOVER_URL": bridge.url,
            "CROSSOVER_PLUGIN_LISTEN_PORT": str(port),
            "CROSSOVER_PLUGIN_AGENT_TOKEN_FILE": str(token),
        }
        sidecar = Program([str(BIN / "crossover"), "plugin", "serve"], env, folder / "sidecar.log")
        await stack.enter_async_context(sidecar)
        await until_open(port)
        scene = Scene(admin, argo, bridge, client, port, token)
        await scene.apply_templates()
        await admin.create(SECRETS, _secret(), namespace)
        yield scene
        for program in scene.agents.values():
            await program.stop()


def _registry(folder: Path, namespace: str) -> Path:
    file = folder / "registry.yaml"
    names = ("Echo", "Stubborn", "Talker")
    apps = {name.lower(): {"workflow_type": name, "task_queue": "work"} for name in names}
    file.write_text(yaml.safe_dump({"apps": apps, "tenants": {"acme": {"argo_namespaces": [namespace]}}}))
    return file


def _secret() -> dict[str, object]:
    """What http templates send; this bridge asks for no token."""
    return {"metadata": {"name": "crossover-token"}, "stringData": {"authorization": "Bearer none"}}


def _agent_token() -> Path:
    try:
        AGENT_TOKEN.parent.mkdir(parents=True, exist_ok=True)
        AGENT_TOKEN.write_text(uuid.uuid4().hex)
    except OSError as error:
        pytest.skip(f"Argo's agent needs {AGENT_TOKEN}: {error.strerror}")
    return AGENT_TOKEN


@asynccontextmanager
async def _agent(
    temporal: TemporalServer, cluster: Cluster, namespace: str, folder: Path
) -> AsyncGenerator[None, None]:
    """In this process: `http` templates call a bridge on loopback, which no setting allows."""
    settings = AgentSettings(
        temporal_address=temporal.address,
        kubernetes=str(cluster.kubeconfig),
        registry_file=folder / "registry.yaml",
        namespaces=namespace,
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
