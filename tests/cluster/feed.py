"""A feed as a person follows it: `crossover logs` in a terminal of this machine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from testbed.feed_checker import Checker, Verdict
from testbed.kubernetes.admin import Object
from testbed.numbered_lines import read_line
from testbed.servers import BIN, Program
from tests.cluster.site import WITHIN, until


class Feed:
    """Args:
    log: where the command writes: records as JSON, its own remarks as text.
    """

    def __init__(self, trace: str, log: Path, program: Program) -> None:
        self._trace = trace
        self._log = log
        self._program = program

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str, trace: str, token: str, folder: Path) -> AsyncGenerator[Feed, None]:
        """It follows until the workflow is over."""
        token_file, log = folder / f"{trace}.token", folder / f"{trace}.feed"
        token_file.write_text(token)
        words = ["logs", trace, "--json", "--url", url, "--token-file", str(token_file), "--wait", "2m"]
        async with Program([str(BIN / "crossover"), *words], log=log) as program:
            yield cls(trace, log, program)

    def records(self) -> list[Object]:
        return [each for each in self._entries() if each is not None]

    def _entries(self) -> Iterator[Object | None]:
        """Records, and None where the command says that some may be missing."""
        for line in self._log.read_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("}\n"):
                yield json.loads(line)
            elif "~~~ gap" in line:
                yield None

    def remarks(self) -> list[str]:
        """What the command said of itself, such as of gaps."""
        return [line for line in self._log.read_text().splitlines() if not line.startswith("{")]

    def numbered(self) -> Counter[str]:
        """How many numbered lines of each pod's container it has brought."""
        found = (read_line(record["msg"]) for record in self.records())
        return Counter(line.source for line in found if line)

    def pods(self, source: str) -> set[str]:
        """Whose lines have come from there: `argo` or `worker`."""
        return {record["pod"] for record in self.records() if record["source"] == source}

    def count(self, pod: str) -> int:
        """How many numbered lines of the pod it has brought."""
        return sum(count for name, count in self.numbered().items() if name.startswith(f"{pod}/"))

    async def brings(self, pod: str, lines: int = 1) -> None:
        """Until so many numbered lines of the pod have come."""

        async def enough() -> bool:
            assert self._program.running, self.remarks()
            return self.count(pod) >= lines

        await until(enough)

    async def ends(self) -> int:
        """The command's exit code: 0 for a workflow that Succeeded."""
        return await self._program.wait(within=WITHIN)

    def verdict(self, written: Mapping[str, int]) -> Verdict:
        """Of the numbered lines. `written`: how many each source has."""
        numbers = {name: range(count) for name, count in written.items()}
        checker = Checker(self._trace, numbers, floor=1)
        for record in self._entries():
            if record is None:
                checker.take({"event": "gap"})
            elif read_line(record["msg"]):
                # The feed's own count also counts lines without a number.
                checker.take(
                    {"event": "log", **{key: value for key, value in record.items() if key != "seq"}}
                )
        return checker.verdict()
