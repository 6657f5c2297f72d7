"""The local runner's directory: read while the real runner writes it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from log_streamer.model import SourceName
from log_streamer.sources.local.runner import RunnerLocator
from log_streamer.sources.source import Engine, Looked, Scope, Tenant
from testbed.servers import PATIENCE
from tests.log_streamer.argo_server_program import pod_node, workflow
from tests.log_streamer.contract.files_backend import save
from tests.log_streamer.contract.reading import following
from tests.log_streamer.watched import watched

FLOW = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hello, namespace: argo}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: say, template: say}
  - name: say
    container:
      image: none
      command: [sh, -c]
      args: ["echo one; echo two >&2; head -c 40000 /dev/zero | tr '\\\\0' x; echo; echo last"]
"""


async def test_a_workflow_of_the_runner_is_followed_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    runs = tmp_path / "runs"
    locator = RunnerLocator(runs)
    async with watched(locator, Scope(Tenant("default", ("argo",)), "hello")) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("runner", known=False)
        command = [sys.executable, "-m", "argo_flow.local", "run", str(tmp_path / "flow.yaml")]
        process = await asyncio.create_subprocess_exec(
            *command,
            "--name",
            "hello",
            "--namespace",
            "argo",
            "--run-dir",
            str(runs),
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        await watch.until(lambda: watch.engine == Engine("runner", over=True, phase="Succeeded"))
        (found,) = {each.container.key: each for each in watch.found}.values()
        assert found.container.source is SourceName.LOCAL
        assert found.container.tagged
        assert found.container.node is not None
        assert found.container.node.name == "say"
        assert watch.phases("say")[-1] == "Succeeded"
        async with following(found.source, found.container) as follow:
            await follow.ended()
            assert sorted(follow.texts(), key=len) == [b"one", b"two", b"last", b"x" * 40000]


async def test_workflows_of_other_namespaces_are_not_shown(tmp_path: Path) -> None:
    save(tmp_path, workflow("wf-1", pod_node("foreign"), namespace="other"))
    async with watched(RunnerLocator(tmp_path), Scope(Tenant("default", ("argo",)), "wf-1")) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("runner", known=False)
        assert watch.engine == Engine("runner", over=True)
        assert watch.found == []


async def test_names_that_lead_elsewhere_find_nothing(tmp_path: Path) -> None:
    save(tmp_path / "secret", workflow("wf-1", pod_node("foreign")))
    scope = Scope(Tenant("default", ("argo",)), "../secret/wf-1")
    async with watched(RunnerLocator(tmp_path / "runs"), scope) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("runner", known=False)
