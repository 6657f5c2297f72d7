"""The two programs of these tests: a scripted feed, and `crossover logs` as its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE
from tests.step.programs import Ended, Process

Json = dict[str, Any]

COMMAND = (sys.executable, "-m", "crossover.cli", "logs")
TRACE = "wf-7"


def end(reason: str = "complete", phase: str | None = "Succeeded", **more: object) -> Json:
    """The data of an `end` event."""
    return {"reason": reason, "phase": phase, **more}


def lines(count: int) -> list[str]:
    return [f"line {number}" for number in range(1, count + 1)]


class FeedServer:
    """The scripted feed as a process; started again, it plays its script from the start."""

    def __init__(self, script: Path) -> None:
        self._script = script
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def play(self, *answers: Mapping[str, Any], records: Sequence[Any] = ()) -> FeedServer:
        """Start, on the same port as before."""
        self._script.write_text(json.dumps({"records": records, "answers": answers}))
        command = [sys.executable, "-m", "tests.cli_logs.feed_server", str(self._script)]
        self._process = subprocess.Popen(
            [*command, "--port", str(self._port)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        return self

    def kill(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process.stdout.close()
            self._process = None

    def requests(self) -> list[Json]:
        with urllib.request.urlopen(f"{self.url}/fake/requests", timeout=PATIENCE) as reply:
            requests: list[Json] = json.load(reply)
        return requests


class LogsCommand:
    """`crossover logs wf-7`, in an environment that is the same everywhere."""

    def __init__(self, url: str) -> None:
        self._env = {"PATH": os.environ["PATH"], "TZ": "Asia/Kolkata", "CROSSOVER_LOGS_URL": url}

    def start(self, *flags: str, trace: str = TRACE, out: int | None = None, **env: str) -> Process:
        return Process([*COMMAND, trace, *flags], {**self._env, **env}, out=out)

    def run(self, *flags: str, trace: str = TRACE, **env: str) -> Ended:
        return self.start(*flags, trace=trace, out=None, **env).end()
