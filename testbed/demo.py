"""`make demo`: an Argo workflow's step as a Temporal run, end to end, on this machine.

Real: Temporal's dev server, the bridge, the log streamer, a worker, the WorkflowTemplates as shipped, a
database. Argo itself is not here: Crossover's local runner executes the workflow's steps as processes, and
says so. What you see of the run is `crossover logs`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argo_flow.graph.phases import NodePhase
from argo_flow.local.events import Event, NodeStarted
from argo_flow.local.runner import LocalRunner, WorkflowResult
from argo_flow.local.settings import color_wanted, inherited
from argo_flow.parse import parse_texts
from testbed.ports import preferred_port
from testbed.servers import BIN, Bridge, LogStreamer, Program, TemporalServer

ROOT = Path(__file__).parent.parent
FILES = ("argo_templates/step/workflow-template.yaml", "argo_templates/examples/metadata-extraction.yaml")
TABLES = 3000
NAMESPACE = "local"
READY_WITHIN = 120.0
"""Seconds. Everything is up in three on an idle machine."""

WATCH_WITHIN = 120.0
"""Seconds. The workflow takes five, and ends at once when a person stops it."""


class Unprepared(Exception):
    """Something that the demo needs did not come up."""


@dataclass
class Stage:
    """What is running, where."""

    temporal: TemporalServer
    bridge: Bridge
    logs: LogStreamer
    database: Path


class Demo:
    """Starts everything, runs the workflow, and ends everything in reverse, whatever happens."""

    def __init__(self, home: Path, *, color: bool) -> None:
        self._home = home
        self._color = color
        self._runner: LocalRunner | None = None
        self.stopped = asyncio.Event()

    def stop(self) -> None:
        """A person pressed Ctrl-C: the run is cancelled, then all ends."""
        self.stopped.set()
        if self._runner is not None:
            self._runner.stop()

    async def run(self, *, keep: bool) -> int:
        async with AsyncExitStack() as stack:
            stage = await self._set_up(stack)
            if self.stopped.is_set():
                return 130
            result = await self._play(stage)
            self._outcome(result)
            if keep and not self.stopped.is_set():
                self._what_next(stage, result)
                await self.stopped.wait()
        return 0 if result.phase is NodePhase.SUCCEEDED else 130 if self.stopped.is_set() else 1

    async def _set_up(self, stack: AsyncExitStack) -> Stage:
        self._home.mkdir(parents=True, exist_ok=True)
        database = await self._database()
        temporal = TemporalServer(port=preferred_port(7233), ui_port=preferred_port(8233))
        stack.push_async_callback(temporal.stop)
        await temporal.start()
        bridge = Bridge(
            temporal.address,
            self._home / "bridge.log",
            preferred_port(8787),
            registry_file=ROOT / "examples/registry.yaml",
            temporal_ui_url=f"http://127.0.0.1:{temporal.ui_port}",
            log_level="info",
        )
        await stack.enter_async_context(bridge)
        worker_log = await self._worker(stack, temporal)
        logs = LogStreamer(
            self._home / "log-streamer.log",
            preferred_port(8788),
            local_runs=self._home / "runs",
            argo_namespaces=NAMESPACE,
            worker_logs=worker_log,
            bridge_url=bridge.url,
            log_level="info",
        )
        await stack.enter_async_context(logs)
        self._say(f"  Temporal  {temporal.address}, UI http://127.0.0.1:{temporal.ui_port}")
        self._say(f"  bridge    {bridge.url}, API http://127.0.0.1:{bridge.port}/docs")
        self._say(f"  logs      {logs.url}, API http://127.0.0.1:{logs.port}/docs")
        self._say("  worker    task queue metadata-extractor (a deployment of its own, in real life)")
        self._say(f"  database  {_shown(database)}, {TABLES} tables")
        return Stage(temporal, bridge, logs, database)

    async def _database(self) -> Path:
        database = self._home / f"shop-{TABLES}.db"
        if not database.exists():
            fresh = database.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            module = "examples.metadata_extractor.build_database"
            build = Program([sys.executable, "-m", module, str(fresh), "--tables", str(TABLES)])
            await build.start()
            if await build.wait(within=READY_WITHIN) != 0:
                raise Unprepared("the sample database could not be built")
            fresh.rename(database)
        return database

    async def _worker(self, stack: AsyncExitStack, temporal: TemporalServer) -> Path:
        log = self._home / "worker.log"
        log.unlink(missing_ok=True)
        environment = {"TEMPORAL_ADDRESS": temporal.address, "LOG_FORMAT": "json"}
        worker = Program([sys.executable, "-m", "examples.metadata_extractor.worker"], environment, log)
        await stack.enter_async_context(worker)
        async with asyncio.timeout(READY_WITHIN):
            while "worker ready" not in (log.read_text() if log.exists() else ""):
                if not worker.running:
                    raise Unprepared(f"the worker ended; see {_shown(log)}")
                await asyncio.sleep(0.05)
        return log

    async def _play(self, stage: Stage) -> WorkflowResult:
        overrides = {"CROSSOVER_URL": stage.bridge.url, "CROSSOVER_TOKEN_FILE": ""}
        begun: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def note(event: Event) -> None:
            if isinstance(event, NodeStarted) and not begun.done():
                begun.set_result(event.node.id)  # the first node's id is the workflow's name

        self._runner = LocalRunner(
            self._home / "runs", note, environment=inherited(), overrides=overrides, namespace=NAMESPACE
        )
        self._say("\nThe workflow's steps run as processes here: this is Crossover's local runner, not Argo.")
        run = asyncio.create_task(
            self._runner.run(
                parse_texts({name: (ROOT / name).read_text() for name in FILES}),
                parameters={"source": f"sqlite:///{stage.database}", "output": str(self._home / "out")},
            )
        )
        either: list[asyncio.Future[Any]] = [begun, run]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if begun.done():
            await self._watch(stage, begun.result())
        return await run

    async def _watch(self, stage: Stage, trace_id: str) -> None:
        """`crossover logs`, as a person would run it beside."""
        self._say(f"$ crossover logs {trace_id}\n")
        color = "always" if self._color else "never"
        args = [str(BIN / "crossover"), "logs", trace_id, "--url", stage.logs.url, "--color", color]
        process = await asyncio.create_subprocess_exec(
            *args, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        try:
            await asyncio.wait_for(process.wait(), WATCH_WITHIN)
        except TimeoutError:
            self._say("demo: the feed did not end")
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    def _outcome(self, result: WorkflowResult) -> None:
        self._say("")
        for node in result.nodes.values():
            if node.display_name == "count" and node.outputs.parameters:
                for name, value in node.outputs.parameters.items():
                    self._say(f"  {name:<9} {value}")
        self._say(f"  logs      {_shown(result.directory)}")
        self._say(result.phase.value)

    def _what_next(self, stage: Stage, result: WorkflowResult) -> None:
        self._say(f"""
Everything stays up until Ctrl-C. To try next:
  open http://127.0.0.1:{stage.temporal.ui_port}                  the run in Temporal's UI
  curl '{stage.bridge.url}/v1/runs?trace_id={result.name}'
  curl -N '{stage.logs.url}/v1/logs/{result.name}?level=info'   the same feed as events
  curl {stage.bridge.url}/metrics
  open {stage.bridge.url}/docs                  every call of the bridge""")

    def _say(self, text: str) -> None:
        print(text, flush=True)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


async def _main(keep: bool) -> int:
    demo = Demo(Path.cwd() / ".demo", color=sys.stdout.isatty() and color_wanted())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, demo.stop)
    return await demo.run(keep=keep)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="stay up afterwards, until Ctrl-C")
    try:
        return asyncio.run(_main(parser.parse_args().keep))
    except Unprepared as error:
        print(f"demo: {error}", flush=True)
        return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # temporalio's core may crash a process that ends: https://github.com/temporalio/sdk-python/issues/300
    os._exit(code)
