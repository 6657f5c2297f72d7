"""Many traces in one worker's log, and two tenants on one cluster: nobody gets a byte of another's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from crossover.identity import Role, new_token
from testbed.feed_checker import Checker
from testbed.numbered_lines import NumberedLines
from testbed.pod_log_writer import Writing
from testbed.pod_logs import PodLogServer
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import Trace, assert_whole, served
from tests.log_streamer.service.viewer import Viewer, refusal, watching


@dataclass
class TwoTenants:
    """`red` and `blue`, each with namespaces and workers of its own."""

    streamer: LogStreamer
    tokens: dict[str, str]
    tokens_file: Path

    def viewer(self, tenant: str, trace: str, checker: Checker) -> Viewer:
        return Viewer(self.streamer.port, trace, token=self.tokens[tenant], take=checker.take)


@asynccontextmanager
async def two_tenants(server: PodLogServer, tmp_path: Path) -> AsyncGenerator[TwoTenants, None]:
    tenants = {
        name: {
            "argo_namespaces": [f"{name}-argo"],
            "worker_namespaces": [f"{name}-workers"],
            "worker_selector": "app=worker",
        }
        for name in ("red", "blue")
    }
    made = {name: new_token(f"{name}-viewer", name, Role.VIEWER) for name in ("red", "blue", "green")}
    tenants_file, tokens_file = tmp_path / "tenants.yaml", tmp_path / "tokens.json"
    tenants_file.write_text(yaml.safe_dump({"tenants": tenants}))
    tokens_file.write_text(json.dumps([entry for _, entry in made.values()]))
    files: dict[str, Any] = {"auth": "tokens", "tokens_file": tokens_file, "tenants_file": tenants_file}
    async with served(tmp_path / "log", server, recheck=0.3, **files) as streamer:
        yield TwoTenants(streamer, {name: token for name, (token, _) in made.items()}, tokens_file)


async def test_many_traces_in_one_busy_worker_never_cross(
    streamer: LogStreamer, server: PodLogServer
) -> None:
    base = await Trace.begun(server)
    worker = await base.worker()
    ids = [base.id, *(f"{base.id}{digit}" for digit in range(9))]
    for trace in ids[1:]:
        await Trace.begun(server, trace)
    checkers = {trace: Checker(trace, {f"{worker}/main": range(1500)}, floor=1500) for trace in ids}
    viewers = [Viewer(streamer.port, trace, take=checkers[trace].take) for trace in ids]
    async with watching(*viewers):
        writing = Writing(f"{worker}/main", 15_000, 5000, base.id, 10)
        await server.write(worker, writing, namespace="workers")
        await asyncio.gather(*(viewer.reads(1500) for viewer in viewers))
        assert (await server.stats())["most_reads"][f"{worker}/main"] >= 1
        for trace in ids:
            await Trace(server, trace).is_in("Succeeded")
        await asyncio.gather(*(viewer.to_end() for viewer in viewers))
    for checker in checkers.values():
        assert_whole(checker)


async def test_two_tenants_with_the_same_trace_id_get_their_own_lines_only(
    server: PodLogServer, tmp_path: Path
) -> None:
    async with two_tenants(server, tmp_path) as both:
        traces = {}
        for name in ("red", "blue"):
            trace = traces[name] = await Trace.begun(server, "shared-id", f"{name}-argo")
            pod = await trace.step(name)
            await trace.writes(pod, 1000, 1000)
            await server.pod(f"{name}-worker", namespace=f"{name}-workers", labels={"app": "worker"})
            writing = Writing(f"{name}-worker/main", 1000, 1000, "shared-id")
            trace.expected[f"{name}-worker/main"] = writing.expected
            await server.write(f"{name}-worker", writing, namespace=f"{name}-workers")
        checkers = {name: trace.checker(floor=2000) for name, trace in traces.items()}
        viewers = [both.viewer(name, "shared-id", checkers[name]) for name in traces]
        async with watching(*viewers):
            await asyncio.gather(*(viewer.reads(2000) for viewer in viewers))
            for trace in traces.values():
                await trace.ends()
            await asyncio.gather(*(viewer.to_end() for viewer in viewers))
    for checker in checkers.values():
        assert_whole(checker)


async def test_a_worker_that_claims_another_tenants_trace_or_run_reaches_nobody(
    server: PodLogServer, tmp_path: Path
) -> None:
    async with two_tenants(server, tmp_path) as both:
        trace = await Trace.begun(server, "victim", "red-argo")
        worker = "red-worker-2"
        await server.pod(worker, namespace="red-workers", labels={"app": "worker"})
        await server.pod("evil", namespace="blue-workers", labels={"app": "worker"})
        await server.pod(
            "evil-step", namespace="blue-argo", labels={"workflows.argoproj.io/workflow": "victim"}
        )
        checker = Checker("victim", {f"{worker}/main": range(1000)}, floor=1000)
        lies = [NumberedLines("evil/main", "victim").text(number) for number in range(500)]
        foreign = [
            b"level=info workflow_id=crossover/blue/x trace_id=victim secret=%d" % n for n in range(100)
        ]
        async with both.viewer("red", "victim", checker) as viewer:
            await server.append("evil", lies, namespace="blue-workers")
            await server.append("evil-step", lies, namespace="blue-argo")
            await server.append(worker, foreign, namespace="red-workers")
            writing = Writing(f"{worker}/main", 1000, 2000, "victim")
            await server.write(worker, writing, namespace="red-workers")
            await viewer.reads(1000)
            await trace.ends()
            await viewer.to_end()
        assert_whole(checker)


async def test_anothers_trace_and_one_that_never_was_are_answered_alike(
    server: PodLogServer, tmp_path: Path
) -> None:
    async with two_tenants(server, tmp_path) as both:
        await Trace.begun(server, "only-red", "red-argo")
        answers = []
        for trace in ("only-red", "never-was"):
            refused = await refusal(Viewer(both.streamer.port, trace, token=both.tokens["blue"]))
            said = str(refused.problem["detail"]).replace(trace, "X")
            answers.append((refused.status, refused.headers["retry-after"], refused.problem["type"], said))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
        strangers = {both.tokens["green"]: 403, "": 401, "wrong": 401}
        for token, status in strangers.items():
            assert (await refusal(Viewer(both.streamer.port, "only-red", token=token))).status == status


async def test_a_token_that_is_removed_ends_its_streams_and_nobody_elses(
    server: PodLogServer, tmp_path: Path
) -> None:
    async with two_tenants(server, tmp_path) as both:
        viewers = []
        for name in ("red", "blue"):
            trace = await Trace.begun(server, f"revoked-{name}", f"{name}-argo")
            await trace.writes(await trace.step(), 1000)
            viewers.append(both.viewer(name, trace.id, trace.checker()))
        async with watching(*viewers):
            await asyncio.gather(*(viewer.reads(1000) for viewer in viewers))
            entries = json.loads(both.tokens_file.read_text())
            both.tokens_file.write_text(json.dumps([one for one in entries if one["tenant"] != "red"]))
            end = await viewers[0].to_end()
            assert end is not None
            assert end["reason"] == "unauthorised"
            await trace.ends()
            end = await viewers[1].to_end()
            assert end is not None
            assert end["reason"] == "complete"
