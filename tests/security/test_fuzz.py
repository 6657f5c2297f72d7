"""Every operation of both services, given whatever its document allows, and much that it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
from temporalio.worker import Worker

from testbed.servers import TemporalServer
from tests.bridge.conftest import start_body
from tests.security.fuzzing import Report, fuzz
from tests.security.scene import Scene, opened

pytestmark = pytest.mark.timeout(900)  # whichever test is first waits for the fuzzer

SERVICES = ("bridge", "log streamer")
FLAG = "enable_crossover"
TRACE = "fuzzed"

ENDLESS = ("/v1/flag-events", "/v1/runs/{run}/events")
"""Streams without an end would keep the fuzzer waiting."""


@dataclass
class Fuzzed:
    """`documents`: each service's operations, as `GET /v1/runs`."""

    scene: Scene
    documents: dict[str, set[str]]
    reports: dict[str, Report]


@pytest.fixture(scope="module")
async def fuzzed(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Fuzzed, None]:
    """An installation of its own: afterwards its flags are whatever they are."""
    home = tmp_path_factory.mktemp("fuzzed")
    async with opened(temporal, home) as scene:
        known = await _things(scene)
        urls = {name: service.url for name, service in scene.services.items()}
        reports = await asyncio.gather(
            *(
                fuzz(home / name.replace(" ", "-"), url, scene.tokens["root"], known=known, without=ENDLESS)
                for name, url in urls.items()
            )
        )
        documents = {name: await _operations(scene, name) for name in SERVICES}
        yield Fuzzed(scene, documents, dict(zip(urls, reports, strict=True)))


async def _things(scene: Scene) -> dict[str, str]:
    """What there is, by the name of the path parameter."""
    document = {"document": {"flags": {FLAG: {}}}, "reason": "something to change"}
    reply = await scene.ask("root", "PUT", "/v1/flags", json=document, headers={"if-match": "*"})
    assert reply.status_code == 200, reply.text
    started = await scene.ask("acme", "POST", "/v1/runs", json=start_body("Talker"))
    assert started.status_code == 201, started.text
    name, space = TRACE, "acme-argo"
    status = {"phase": "Succeeded", "startedAt": "2026-11-21T00:00:00Z", "nodes": {}}
    metadata = {"name": name, "namespace": space, "uid": "uid-fuzzed"}
    await scene.cluster.workflow({"metadata": metadata, "status": status})
    return {"run": started.json()["id"], "flag": FLAG, "key": FLAG, "number": "1", "trace_id": TRACE}


async def _operations(scene: Scene, service: str) -> set[str]:
    document = (await scene.services[service].http.get("/openapi.json")).json()
    return {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}


@pytest.mark.parametrize("service", SERVICES)
def test_no_input_breaks_a_service_or_gets_an_answer_that_is_not_documented(
    fuzzed: Fuzzed, service: str
) -> None:
    report = fuzzed.reports[service]
    assert report.findings == []
    assert report.cases >= 100


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_was_called_and_most_of_them_have_done_something(
    fuzzed: Fuzzed, service: str
) -> None:
    """A fuzzer that sees refusals only has seen nothing."""
    called = fuzzed.reports[service].called
    wanted = {each for each in fuzzed.documents[service] if each.split(" ")[1] not in ENDLESS}
    assert set(called) == wanted
    done = {operation for operation, statuses in called.items() if min(statuses) < 300}
    assert len(done) >= 0.7 * len(wanted), sorted(wanted - done)


def test_no_secret_is_in_any_answer_or_log(fuzzed: Fuzzed) -> None:
    answers = [answer for report in fuzzed.reports.values() for answer in report.answers]
    assert len(answers) >= 1000
    assert {name for answer in answers for name in fuzzed.scene.spilt(answer)} == set()
    log = fuzzed.scene.logs()
    assert "/v1/decisions" in log
    assert fuzzed.scene.spilt(log) == []
