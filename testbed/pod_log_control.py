"""How tests move the pod-log server: JSON POSTs to `/_control/<what>`, and `GET /_control/stats`."""

from __future__ import annotations

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from testbed.pod_log_cluster import Cluster, FakeContainer, FakePod
from testbed.pod_log_follows import Readings
from testbed.pod_log_writer import Writing, write_numbered


class Control:
    """Faults that are set, and the actions.

    Args:
        status: makes a Kubernetes Status answer of code, message and reason.
    """

    def __init__(
        self, cluster: Cluster, readings: Readings, status: Callable[[int, str, str], web.Response]
    ) -> None:
        self.outage = False
        self.watches: dict[int, web.Request] = {}
        self._cluster = cluster
        self._readings = readings
        self._status = status
        self._tokens: set[str] | None = None
        self._forbidden: list[str] = []
        self._refusals: list[dict[str, Any]] = []
        self._paths: Counter[str] = Counter()
        self._writers: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/_control/{what}", self._act), web.get("/_control/stats", self._stats)]

    def seen(self, path: str) -> None:
        self._paths[path] += 1

    def refusal(self, request: web.Request) -> web.Response | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens is not None and token not in self._tokens:
            return self._status(401, "Unauthorized", "Unauthorized")
        if any(part in request.path for part in self._forbidden):
            return self._status(403, "pods is forbidden", "Forbidden")
        for rule in self._refusals:
            if rule["count"] > 0 and rule.get("match", "") in request.path_qs:
                rule["count"] -= 1
                answer = self._status(rule["status"], "not now", "Refused")
                if "retry_after" in rule:
                    answer.headers["Retry-After"] = str(rule["retry_after"])
                return answer
        return None

    async def _act(self, request: web.Request) -> web.Response:
        body = await request.json()
        action = getattr(self, f"_do_{request.match_info['what']}", None)
        if action is None:
            return web.json_response({"message": "no such action"}, status=404)
        return web.json_response(action(body) or {})

    async def _stats(self, request: web.Request) -> web.Response:
        readings = self._readings
        return web.json_response(
            {
                "open_reads": len(readings.open),
                "open_follows": sum(one.asked.follow for one in readings.open),
                "open_watches": len(self.watches),
                "most_reads": dict(readings.most),
                "log_requests": readings.requests,
                "bytes": readings.bytes,
                "writers": len(self._writers),
                "paths": dict(self._paths),
            }
        )

    def _do_pod(self, body: dict[str, Any]) -> dict[str, Any]:
        pod = FakePod(body)
        for name in body.get("started", ()):
            pod.start(name)
        self._cluster.publish(pod)
        return pod.object()

    def _do_delete_pod(self, body: dict[str, Any]) -> None:
        self._cluster.delete(body.get("namespace", "default"), body["pod"])

    def _do_start(self, body: dict[str, Any]) -> None:
        """A first life, or another one: a restart."""
        pod = self._pod(body)
        pod.start(body["container"])
        self._cluster.publish(pod)

    def _do_end(self, body: dict[str, Any]) -> None:
        """`backing_off`: it will be restarted, but not yet."""
        pod, container = self._pod(body), self._container(body)
        if container.log:
            container.log.end()
        container.backing_off = body.get("backing_off", False)
        self._cluster.publish(pod)

    def _do_append(self, body: dict[str, Any]) -> None:
        """`lines`: base64 of the lines, each with its end. `ns`: their time, else now."""
        lines = base64.b64decode(body["lines"]).split(b"\n")[:-1]
        log = self._container(body).log
        assert log is not None, "the container has not started"
        log.write(lines, body.get("ns") or time.time_ns())

    def _do_rotate(self, body: dict[str, Any]) -> None:
        log = self._container(body).log
        if log:
            log.rotate()

    def _do_order(self, body: dict[str, Any]) -> None:
        """`order`: cut or tear, for the follows that are open now."""
        log = self._container(body).log
        if log:
            self._readings.order(log, body["order"])

    def _do_write(self, body: dict[str, Any]) -> None:
        """Numbered lines, in the background. `end`: the container ends after the last one."""
        container, end = self._container(body), body.get("end", False)
        log = container.log
        assert log is not None, "the container has not started"
        writing = Writing(**body["writing"])

        async def work() -> None:
            await write_numbered(log, writing, self._readings.behind)
            if end and not log.ended:
                self._do_end(body)

        task = asyncio.create_task(work())
        self._writers.add(task)
        task.add_done_callback(self._writers.discard)

    def _do_change_pod(self, body: dict[str, Any]) -> None:
        pod = self._pod(body)
        for key, value in body["set"].items():
            setattr(pod, key, value)
        self._cluster.publish(pod)

    def _do_workflow(self, body: dict[str, Any]) -> None:
        self._cluster.stores["workflows"].put(body)

    def _do_delete_workflow(self, body: dict[str, Any]) -> None:
        self._cluster.stores["workflows"].delete(body["namespace"], body["name"])

    def _do_compact(self, body: dict[str, Any]) -> None:
        for store in self._cluster.stores.values():
            store.compact()

    def _do_refuse(self, body: dict[str, Any]) -> None:
        """`count` requests whose path and query hold `match` get `status`, with `retry_after`."""
        self._refusals.append(body)

    def _do_rights(self, body: dict[str, Any]) -> None:
        """`tokens`: who is known; null: everybody. `forbidden`: parts of paths."""
        self._tokens = None if body.get("tokens") is None else set(body["tokens"])
        self._forbidden = body.get("forbidden", [])

    def _do_outage(self, body: dict[str, Any]) -> None:
        """Everything open breaks, and nothing is answered, until it is over."""
        self.outage = body["on"]
        if self.outage:
            self._readings.abort()
            self._do_break_watches(body)

    def _do_break_watches(self, body: dict[str, Any]) -> None:
        for request in self.watches.values():
            if request.transport:
                request.transport.abort()

    def _pod(self, body: dict[str, Any]) -> FakePod:
        pod = self._cluster.pod(body.get("namespace", "default"), body["pod"])
        assert pod is not None, f"no pod {body['pod']}"
        return pod

    def _container(self, body: dict[str, Any]) -> FakeContainer:
        return self._pod(body).containers[body["container"]]
