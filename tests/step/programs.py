"""The two programs of these tests: a bridge to talk to, and the command under test as its own process."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from crossover.contract.run import ArgoNode
from tests.patience import PATIENCE

Json = dict[str, Any]


class Bridge(Protocol):
    """What the scenarios need of a bridge, the fake or the real one."""

    url: str

    def start(self) -> None:
        """Listen, on the same address as before."""

    def kill(self) -> None:
        """Go away without a word."""

    def starts(self, argo: ArgoNode) -> int:
        """How many runs were really started for an Argo node."""


class FakeBridge:
    """The fake as a process. `fault` and `set` are its alone; scenarios that use them need the fake."""

    def __init__(self, state: Path, cert: Path | None = None) -> None:
        self._state = state
        self._cert = cert
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.url = ""

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.step.fake_bridge", "--state", str(self._state)]
        command += ["--cert", str(self._cert)] if self._cert else []
        self._process = subprocess.Popen(
            [*command, "--port", str(self._port)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        self.url = f"{'https' if self._cert else 'http'}://127.0.0.1:{self._port}"

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait(PATIENCE)
        self._process.stdout.close()

    def starts(self, argo: ArgoNode) -> int:
        return sum(f"/{argo.uid}/" in start["id"] for start in self.state()["starts"])

    def state(self) -> Json:
        with urllib.request.urlopen(f"{self.url}/fake/state", timeout=PATIENCE) as reply:
            state: Json = json.load(reply)
        return state

    def requests(self, line: str) -> list[Json]:
        """The requests so far whose `METHOD path` begins with `line`."""
        return [
            each for each in self.state()["requests"] if f"{each['method']} {each['path']}".startswith(line)
        ]

    def fault(self, on: str, **what: object) -> None:
        """From now on, answer the next request that the pattern `on` matches otherwise; see `fake_bridge`."""
        self._post("faults", {"on": on, **what})

    def set(self, **state: object) -> None:
        self._post("set", state)

    def _post(self, path: str, body: object) -> None:
        url, content = f"{self.url}/fake/{path}", json.dumps(body).encode()
        with urllib.request.urlopen(url, content, timeout=PATIENCE) as reply:
            reply.read()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a step ended. `took`: seconds, for lower bounds alone, since a machine may stall."""

    code: int
    out: str
    err: str
    took: float


class Process:
    """A running step whose output can be waited for."""

    def __init__(
        self, command: list[str], env: Mapping[str, str], stdin: str = "", out: int | None = None
    ) -> None:
        self._began = time.monotonic()
        self._popen = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if out is None else out,
            stderr=subprocess.PIPE,
        )
        self._seen = b""
        self.pid = self._popen.pid
        assert self._popen.stdin is not None
        self._popen.stdin.write(stdin.encode())
        self._popen.stdin.close()
        self._popen.stdin = None

    def wait_for(self, text: str) -> None:
        """Read until the step has printed `text`."""
        assert self._popen.stdout is not None
        until = time.monotonic() + PATIENCE
        while text.encode() not in self._seen:
            ready, _, _ = select.select([self._popen.stdout], [], [], until - time.monotonic())
            chunk = os.read(self._popen.stdout.fileno(), 65536) if ready else b""
            assert chunk, f"{text!r} never came; this did: {self._seen.decode()}"
            self._seen += chunk

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def close_output(self) -> None:
        assert self._popen.stdout is not None
        self._popen.stdout.close()
        self._popen.stdout = None

    def end(self) -> Ended:
        try:
            out, err = self._popen.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            raise
        took = time.monotonic() - self._began
        return Ended(self._popen.returncode, (self._seen + (out or b"")).decode(), err.decode(), took)


@dataclass(slots=True)
class StepCommand:
    """`crossover step run` for one Argo node, as its pod would call it."""

    url: str
    folder: Path
    command: tuple[str, ...] = (sys.executable, "-m", "crossover.cli", "step", "run")
    argo: ArgoNode = field(
        default_factory=lambda: ArgoNode("argo", "wf-7", str(uuid.uuid4()), "wf-7.extract", retries=0)
    )
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    def output(self, name: str) -> str:
        return (self.outputs / name).read_text(encoding="utf-8")

    def environment(self) -> dict[str, str]:
        return {
            "CROSSOVER_URL": self.url,
            "CROSSOVER_APP": "planned",
            "CROSSOVER_ARGO_NAMESPACE": self.argo.namespace,
            "CROSSOVER_ARGO_WORKFLOW": self.argo.workflow,
            "CROSSOVER_ARGO_UID": self.argo.uid,
            "CROSSOVER_ARGO_NODE": self.argo.node_name,
            "CROSSOVER_OUTPUTS_DIR": str(self.outputs),
            "CROSSOVER_OUTAGE_BUDGET": "5m",
            **self.env,
        }

    def start(
        self, *flags: str, plan: Json | None = None, stdin: str = "", out: int | None = None, **env: str
    ) -> Process:
        """Start the step; `plan` is its input, and the environment's keywords win over the usual ones."""
        given = [] if plan is None else ["--input", json.dumps(plan)]
        command = replace(self, env={**self.env, **env})
        return Process([*self.command, *flags, *given], command.environment(), stdin, out)

    def run(self, *flags: str, plan: Json | None = None, stdin: str = "", **env: str) -> Ended:
        return replace(self, env={**self.env, **env}).start(*flags, plan=plan, stdin=stdin).end()


def eventually(condition: Callable[[], bool]) -> None:
    """Poll until the condition holds."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)
