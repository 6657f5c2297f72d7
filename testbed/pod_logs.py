"""The pod-log server as tests and benchmarks use it: a program, and what moves it."""

from __future__ import annotations

import base64
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from testbed.pod_log_writer import Writing
from testbed.ports import free_port
from testbed.servers import PATIENCE, Program, until_open


class PodLogServer:
    """Pods are named by `namespace` (`default` unless given) and name; containers are `main` unless given."""

    def __init__(self, log: Path | None = None) -> None:
        self.port = free_port()
        root = str(Path(__file__).parents[1])
        args = [sys.executable, "-m", "testbed.pod_log_server", "--port", str(self.port)]
        self.program = Program(args, {"PYTHONPATH": root}, log)
        self._http = httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, trust_env=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    @asynccontextmanager
    async def started(cls, log: Path | None = None) -> AsyncGenerator[PodLogServer, None]:
        server = cls(log)
        await server.program.start()
        try:
            await until_open(server.port)
            yield server
        finally:
            await server._http.aclose()
            await server.program.stop()

    async def pod(self, name: str, **spec: Any) -> dict[str, Any]:
        """Creates a pod with the containers `containers` and `init_containers`, of which `started` run.

        Also: namespace, labels, annotations, uid, scheduled, and of its node and logs: skew_s, zone (`Z` or
        such as `+05:30`), rotate_bytes, cut_after_s (follows end then), per_line (a chunk for each line).
        """
        spec.setdefault("started", spec.get("containers", ["main"]))
        return await self._do("pod", name=name, **spec)

    async def change_pod(self, pod: str, namespace: str = "default", **values: Any) -> None:
        """Of the same names as `pod` takes: labels, annotations, cut_after_s, per_line, scheduled."""
        await self._do("change_pod", pod=pod, namespace=namespace, set=values)

    async def delete_pod(self, pod: str, namespace: str = "default") -> None:
        await self._do("delete_pod", pod=pod, namespace=namespace)

    async def start(self, pod: str, container: str = "main", **where: Any) -> None:
        """Starts it for the first time, or again."""
        await self._do("start", pod=pod, container=container, **where)

    async def end(self, pod: str, container: str = "main", **where: Any) -> None:
        """`backing_off=True`: it crashed, and will be started again later."""
        await self._do("end", pod=pod, container=container, **where)

    async def append(
        self, pod: str, lines: Sequence[bytes], container: str = "main", ns: int | None = None, **where: Any
    ) -> None:
        """Lines without their ends, written at `ns` since the epoch, or now."""
        data = base64.b64encode(b"".join(line + b"\n" for line in lines)).decode()
        await self._do("append", pod=pod, container=container, lines=data, ns=ns, **where)

    async def rotate(self, pod: str, container: str = "main", **where: Any) -> None:
        await self._do("rotate", pod=pod, container=container, **where)

    async def cut(self, pod: str, container: str = "main", **where: Any) -> None:
        """Open follows end as if the log had ended."""
        await self._do("order", pod=pod, container=container, order="cut", **where)

    async def tear(self, pod: str, container: str = "main", **where: Any) -> None:
        """Open follows break off in the middle of the next line."""
        await self._do("order", pod=pod, container=container, order="tear", **where)

    async def write(
        self, pod: str, writing: Writing, container: str = "main", *, end: bool = False, **where: Any
    ) -> None:
        """Numbered lines, in the background; `end`: then the container ends."""
        await self._do("write", pod=pod, container=container, writing=asdict(writing), end=end, **where)

    async def workflow(self, workflow: dict[str, Any]) -> None:
        """Creates or replaces a Workflow object."""
        await self._do("workflow", **workflow)

    async def delete_workflow(self, namespace: str, name: str) -> None:
        await self._do("delete_workflow", namespace=namespace, name=name)

    async def refuse(
        self, status: int, count: int = 1, *, match: str = "", retry_after: int | None = None
    ) -> None:
        """The next `count` requests whose path and query hold `match` are answered so."""
        after = {} if retry_after is None else {"retry_after": retry_after}
        await self._do("refuse", status=status, count=count, match=match, **after)

    async def rights(self, tokens: Sequence[str] | None = None, forbidden: Sequence[str] = ()) -> None:
        """Who is known (None: everybody), and what is forbidden to them (parts of paths)."""
        await self._do("rights", tokens=tokens, forbidden=list(forbidden))

    async def outage(self, on: bool) -> None:
        await self._do("outage", on=on)

    async def break_watches(self) -> None:
        await self._do("break_watches")

    async def compact(self) -> None:
        """Watches that stand where they stand are too old: 410."""
        await self._do("compact")

    async def stats(self) -> dict[str, Any]:
        """open_reads, open_follows, open_watches, most_reads by `<pod>/<container>`, log_requests, bytes,
        writers (still writing), paths (requests by path)."""
        answer = await self._http.get("/_control/stats")
        return dict(answer.raise_for_status().json())

    async def _do(self, what: str, **body: Any) -> dict[str, Any]:
        answer = await self._http.post(f"/_control/{what}", json=body)
        return dict(answer.raise_for_status().json())
