"""What Argo would start a pod for: a container or script template, as one local process."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

from argo_flow.graph.phases import NodePhase
from argo_flow.graph.templates import Container, Parameter, Script, Template
from argo_flow.local.environment import expand, pod_environment
from argo_flow.local.events import NodeLine, StreamName
from argo_flow.local.logfile import Lines, LogFile
from argo_flow.local.nodes import NodeStatus
from argo_flow.local.process import Ended, Exit, run_process
from argo_flow.local.sandbox import Sandbox
from argo_flow.local.state import Run
from argo_flow.local.stop import MESSAGE as STOPPED

MAX_RESULT = 256 * 1024
"""Bytes of stdout that become `outputs.result`: the last ones (argo-workflows workflow/executor)."""

MAX_PARAMETER = 1024 * 1024
"""Bytes of an output parameter's file that are read."""

CANNOT_START = 64
"""Exit code that Argo's emissary reports for a command it cannot start."""

PROGRESS_TICK = 0.25
"""Seconds between two looks at the progress file."""

_PROGRESS = re.compile(r"\d{1,18}/\d{1,18}")


async def run_pod(run: Run, node: NodeStatus, template: Template, deadline: float | None) -> None:
    """Run the template, whose tags are all substituted, and end the node with it.

    Args:
        deadline: seconds since the epoch at which the process is terminated.
    """
    sandbox = Sandbox(run.directory / "sandboxes" / node.id, template.outputs)
    try:
        exit_ = await _execute(run, node, template, sandbox, deadline)
    except (OSError, ValueError) as error:
        node.outputs.exit_code = str(CANNOT_START)
        run.finish(node, NodePhase.FAILED, f"Error (exit code {CANNOT_START}): cannot start: {error}")
        return
    node.outputs.exit_code = str(exit_.code)
    missing = _read_outputs(node, template.outputs, sandbox)
    run.finish(node, *_verdict(exit_, missing))


async def _execute(
    run: Run, node: NodeStatus, template: Template, sandbox: Sandbox, deadline: float | None
) -> Exit:
    container, script = _parts(template)
    environment = pod_environment(run, node, container, sandbox, deadline)
    command = [expand(sandbox.rewrite(part), environment) for part in (*container.command, *container.args)]
    if script is not None:
        sandbox.script.write_text(sandbox.rewrite(script))
        command.append(str(sandbox.script))
    with LogFile(run.log_path(node)) as log:
        output = _Output(run, node, log)
        async with _progress(run, node, sandbox.progress):
            exit_ = await run_process(
                command,
                env=environment,
                cwd=sandbox.directory(container.working_dir),
                on_chunk=output.feed,
                stop=run.stop,
                deadline=deadline,
            )
        node.outputs.result = output.end()
    return exit_


def _parts(template: Template) -> tuple[Container, str | None]:
    match template.body:
        case Container() as container:
            return container, None
        case Script(container, text):
            return container, text
    raise TypeError(f"{template.name} is no container or script")


class _Output:
    """A process's output on its way to the log file, to the events and into `outputs.result`."""

    def __init__(self, run: Run, node: NodeStatus, log: LogFile) -> None:
        self._run, self._node, self._log = run, node, log
        self._tail = bytearray()
        self._lines = {
            "stdout": Lines(lambda line: self._line("stdout", line)),
            "stderr": Lines(lambda line: self._line("stderr", line)),
        }

    def feed(self, stream: StreamName, chunk: bytes) -> None:
        if stream == "stdout":
            self._tail += chunk
            del self._tail[:-MAX_RESULT]
        self._lines[stream].feed(chunk)

    def end(self) -> str:
        """The result: the end of stdout without the last line's end."""
        for lines in self._lines.values():
            lines.end()
        return self._tail.decode("utf-8", "replace").removesuffix("\n")

    def _line(self, stream: StreamName, line: bytes) -> None:
        self._log.write(stream, line)
        text = line.decode("utf-8", "replace").removesuffix("\r")
        self._run.on_event(NodeLine(self._node, stream, text))


@contextlib.asynccontextmanager
async def _progress(run: Run, node: NodeStatus, file: Path) -> AsyncIterator[None]:
    """Show what the process writes to its progress file, while it runs and once more at its end."""

    async def follow() -> None:
        while True:
            await asyncio.sleep(PROGRESS_TICK)
            _look(run, node, file)

    follower = asyncio.create_task(follow())
    try:
        yield
    finally:
        follower.cancel()
        await asyncio.wait([follower])
        _look(run, node, file)


def _look(run: Run, node: NodeStatus, file: Path) -> None:
    try:
        last = file.read_text("utf-8", "replace").strip().rsplit("\n", 1)[-1].strip()
    except OSError:
        return
    if _PROGRESS.fullmatch(last):
        run.progress(node, last)


def _read_outputs(node: NodeStatus, outputs: tuple[Parameter, ...], sandbox: Sandbox) -> list[str]:
    """Fill the node's parameters; the paths of those that have neither a file nor a default."""
    missing: list[str] = []
    for output in outputs:
        source = output.value_from
        if source is None or source.path is None:
            continue
        value = _read(sandbox.inside(source.path))
        if value is None:
            value = source.default
        if value is None:
            missing.append(source.path)
        else:
            node.outputs.parameters[output.name] = value
    return missing


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PARAMETER).decode("utf-8", "replace").removesuffix("\n")
    except OSError:
        return None


def _verdict(exit_: Exit, missing: list[str]) -> tuple[NodePhase, str]:
    if exit_.ended is Ended.DEADLINE:
        return NodePhase.FAILED, "Step exceeded its deadline"
    if exit_.code == 0 and missing:
        return NodePhase.ERROR, f"cannot save parameter {missing[0]}: no such file"
    if exit_.code == 0:
        return NodePhase.SUCCEEDED, ""
    if exit_.ended is Ended.STOPPED:
        return NodePhase.FAILED, STOPPED
    return NodePhase.FAILED, f"Error (exit code {exit_.code})"
