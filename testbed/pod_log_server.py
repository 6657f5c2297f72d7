"""A program that serves pods, their logs and Workflow objects as kube-apiserver and kubelet do.

    python -m testbed.pod_log_server --port 8001

What it does like the real ones: `sinceTime` in whole seconds; only the current log file; clean ends of
follows that mean nothing; 400 for what has not started, 204 for what has no node; watches with bookmarks and
410. Tests move it by `/_control/` (testbed/pod_log_control.py).
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson
import uvloop
from aiohttp import web

from testbed.pod_log_cluster import Cluster, FakeContainer, FakePod, Kind, Object, events_since, matches
from testbed.pod_log_control import Control
from testbed.pod_log_files import ContainerLog, LogReader
from testbed.pod_log_follows import Asked, Reading, Readings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BOOKMARK_EVERY = 0.3
"""Seconds; a real API server takes a minute."""


class PodLogApi:
    """The Kubernetes part."""

    def __init__(self, cluster: Cluster, readings: Readings, control: Control) -> None:
        self._cluster = cluster
        self._readings = readings
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        pods, argo = "/api/v1/namespaces/{ns}/pods", "/apis/argoproj.io/v1alpha1/namespaces/{ns}/workflows"
        return [
            web.get(pods, self._collection("pods")),
            web.get(pods + "/{name}", self._object("pods")),
            web.get(pods + "/{name}/log", self._log),
            web.get(argo, self._collection("workflows")),
            web.get(argo + "/{name}", self._object("workflows")),
        ]

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Outages, rights and refusals, as tests have set them."""
        if request.path.startswith("/_control/"):
            return await handler(request)
        if self._control.outage:
            if request.transport:
                request.transport.abort()
            return web.Response(status=500)
        self._control.seen(request.path)
        return self._control.refusal(request) or await handler(request)

    def _object(self, kind: Kind) -> Handler:
        async def get(request: web.Request) -> web.StreamResponse:
            found = self._cluster.stores[kind].get(request.match_info["ns"], request.match_info["name"])
            if found is None:
                return status(404, f'{kind} "{request.match_info["name"]}" not found', "NotFound")
            return web.json_response(found)

        return get

    def _collection(self, kind: Kind) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            name = request.query.get("fieldSelector", "").removeprefix("metadata.name=") or None
            labels = request.query.get("labelSelector", "")
            if request.query.get("watch") in ("1", "true"):
                return await self._watch(request, kind, labels, name)
            store = self._cluster.stores[kind]
            found = [one for one in store.all(request.match_info["ns"]) if matches(one, labels, name)]
            return web.json_response({"metadata": {"resourceVersion": str(store.version)}, "items": found})

        return serve

    async def _watch(
        self, request: web.Request, kind: Kind, labels: str, name: str | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self._control.watches[id(request)] = request
        try:
            await self._tell(response, request, kind, labels, name)
        finally:
            del self._control.watches[id(request)]
        return response

    async def _tell(
        self, response: web.StreamResponse, request: web.Request, kind: Kind, labels: str, name: str | None
    ) -> None:
        """Changes after `resourceVersion`, and bookmarks, until `timeoutSeconds` are over."""
        store, since = self._cluster.stores[kind], int(request.query["resourceVersion"])
        ends = time.monotonic() + float(request.query.get("timeoutSeconds") or 1800)
        marks = request.query.get("allowWatchBookmarks") in ("1", "true")
        while time.monotonic() < ends:
            if since < store.oldest:
                await response.write(_line({"type": "ERROR", "object": _expired(since, store.oldest)}))
                return
            events = list(events_since(store, since, labels, name, request.match_info["ns"]))
            since = store.version
            if marks and not events:
                events = [_bookmark(since)]
            for event in events:
                await response.write(_line(event))
            if since == store.version:
                await store.news(_BOOKMARK_EVERY)

    async def _log(self, request: web.Request) -> web.StreamResponse:
        pod = self._cluster.pod(request.match_info["ns"], request.match_info["name"])
        if pod is None:
            return status(404, f'pods "{request.match_info["name"]}" not found', "NotFound")
        name = request.query.get("container") or next(iter(pod.containers))
        if name not in pod.containers:
            return status(400, f"container {name} is not valid for pod {pod.name}")
        if not pod.scheduled:
            return web.Response(status=204)
        log = _readable(pod, pod.containers[name], request.query.get("previous") == "true")
        if isinstance(log, web.Response):
            return log
        asked = _asked(request, pod)
        reader = LogReader(log, asked.since, asked.tail)
        return await self._readings.serve(Reading(request, log, reader, asked), f"{pod.name}/{name}")


def status(code: int, message: str, reason: str = "BadRequest") -> web.Response:
    """A Kubernetes Status object."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    return web.json_response({**body, "message": message, "reason": reason, "code": code}, status=code)


def _readable(pod: FakePod, container: FakeContainer, previous: bool) -> ContainerLog | web.Response:
    """As validateContainerLogStatus of the kubelet."""
    ended = [log for log in container.lives if log.ended]
    if previous:
        before = ended[-1:] if container.backing_off else container.lives[-2:-1]
        if not before:
            return status(
                400, f'previous terminated container "{container.name}" in pod "{pod.name}" not found'
            )
        return before[0]
    if container.log is None:
        where = f'container "{container.name}" in pod "{pod.name}"'
        return status(400, f"{where} is waiting to start: {container.waiting}")
    return container.log


def _asked(request: web.Request, pod: FakePod) -> Asked:
    """Fractions of `sinceTime` are lost, as in the real API server."""
    query = request.query
    since = (
        math.floor(datetime.fromisoformat(query["sinceTime"]).timestamp()) if "sinceTime" in query else None
    )
    if "sinceSeconds" in query:
        since = math.floor(time.time() - int(query["sinceSeconds"]))
    return Asked(
        follow=query.get("follow") == "true",
        timestamps=query.get("timestamps") == "true",
        since=since,
        tail=int(query["tailLines"]) if "tailLines" in query else None,
        limit=int(query["limitBytes"]) if "limitBytes" in query else None,
        cut_after_s=pod.cut_after_s,
        per_line=pod.per_line,
    )


def _line(event: Any) -> bytes:
    return orjson.dumps(event) + b"\n"


def _bookmark(version: int) -> Object:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}


def _expired(since: int, oldest: int) -> Object:
    message = f"too old resource version: {since} ({oldest})"
    return {"kind": "Status", "status": "Failure", "message": message, "reason": "Expired", "code": 410}


def create_app() -> web.Application:
    cluster, readings = Cluster(), Readings()
    control = Control(cluster, readings, status)
    api = PodLogApi(cluster, readings, control)
    app = web.Application(middlewares=[api.guard], client_max_size=64 << 20)
    app.add_routes([*api.routes(), *control.routes()])
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    web.run_app(
        create_app(),
        host="127.0.0.1",
        port=args.port,
        print=None,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=0.2,
    )


if __name__ == "__main__":
    main()
