"""What is remembered between two questions, with runs that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from bridge.argo.plugin.plugin import Plugin
from bridge.argo.plugin.poll import KEPT, TELL_EVERY
from bridge.argo.plugin.reply import LONGEST
from bridge.steps.request import StartRequest
from crossover.contract.run import Mode
from crossover.errors import (
    Busy,
    CrossoverError,
    Forbidden,
    InputConflict,
    NotFound,
    ShuttingDown,
    Unavailable,
)
from testbed.servers import PATIENCE
from tests.argo.plugin.agent_pod import asked, phase, workflow

View = Mapping[str, Any]


def view(phase: str = "Running", message: str = "running", revision: str = "1") -> dict[str, Any]:
    return {
        "id": "crossover/acme/argo/u/n",
        "phase": phase,
        "message": message,
        "revision": revision,
        "progress": None,
        "problems": [],
        "links": {"logs": "http://logs.test", "temporal": None},
        "outputs": {"parameters": {}, "result": None} if phase == "Succeeded" else None,
        "exit_code": None if phase == "Running" else 0,
        "temporal": {"namespace": "default", "workflow_id": "w", "run_id": "r", "status": "RUNNING"},
    }


class Runs:
    """One run for all nodes; `attached` are the keys that were asked for."""

    def __init__(self) -> None:
        self.now: View | CrossoverError = view()
        self.keys: list[str] = []
        self.waiting = 0
        self.changed = asyncio.Condition()
        self.slow = asyncio.Event()
        self.slow.set()

    async def attach(
        self, tenant: str, request: StartRequest, *, mode: Mode, key: str, repeated: bool
    ) -> View:
        assert (mode, repeated) == (Mode.PLUGIN, True)
        self.keys.append(key)
        await self.slow.wait()
        return self._seen()

    async def wait(self, run: str, *, timeout: float, revision: str | None) -> View:
        self.waiting += 1
        try:
            async with self.changed:
                await self.changed.wait_for(lambda: self._differs(revision))
                return self._seen()
        finally:
            self.waiting -= 1

    async def cancel(self, run: str, *, reason: str) -> None:
        raise AssertionError("the plugin cancels nothing")

    async def become(self, now: View | CrossoverError) -> None:
        async with self.changed:
            self.now = now
            self.changed.notify_all()
        await asyncio.sleep(0)

    def _differs(self, revision: str | None) -> bool:
        return isinstance(self.now, CrossoverError) or self.now["revision"] != revision

    def _seen(self) -> View:
        if isinstance(self.now, CrossoverError):
            raise self.now
        return self.now


class Scene:
    def __init__(self, **options: Any) -> None:
        self.time = 0.0
        self.runs = Runs()
        self.plugin = Plugin(self.runs, clock=lambda: self.time, **options)

    async def ask(self, body: bytes, instance: str = "pod", **more: Any) -> dict[str, Any]:
        return await self.plugin.execute("acme", body, instance, **more)

    async def waited_for(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.runs.waiting != count:
                await asyncio.sleep(0.01)

    async def heard(self, body: bytes) -> dict[str, Any]:
        """The next reply that says something."""
        async with asyncio.timeout(PATIENCE):
            while (reply := await self.ask(body))["node"] == {}:
                await asyncio.sleep(0.01)
            return reply


@pytest.fixture
async def scene() -> AsyncGenerator[Scene, None]:
    scene = Scene()
    yield scene
    await scene.plugin.aclose()


BODY = asked(workflow())


async def test_the_key_names_workflow_node_attempt_and_agent_pod(scene: Scene) -> None:
    metadata = {"name": "wf", "namespace": "argo", "uid": "u-1"}
    await scene.ask(asked(metadata, retries="2"), "pod-7")
    assert scene.runs.keys == ["u-1/wf.extract/2/pod-7"]


async def test_repeated_questions_attach_once(scene: Scene) -> None:
    for _ in range(100):
        await scene.ask(BODY)
    assert len(scene.runs.keys) == 1


async def test_questions_come_soon_while_the_run_is_young_and_seldom_later(scene: Scene) -> None:
    found = []
    for scene.time in (0.0, 5.0, 20.0, 50.0, 1000.0):
        found.append((await scene.ask(BODY))["requeue"])
    assert found == ["1s", "1s", "2s", "5s", "5s"]


async def test_a_message_is_told_when_it_differs_and_never_twice_in_ten_seconds(scene: Scene) -> None:
    assert (await scene.ask(BODY))["node"]["message"] == "running · http://logs.test"
    await scene.waited_for(1)
    await scene.runs.become(view(message="3/7", revision="2"))
    await scene.waited_for(1)
    assert (await scene.ask(BODY))["node"] == {}
    scene.time = TELL_EVERY
    assert (await scene.ask(BODY))["node"]["message"] == "3/7 · http://logs.test"
    scene.time = 3 * TELL_EVERY
    assert (await scene.ask(BODY))["node"] == {}
    assert (await scene.ask(BODY, anew=True))["node"]["message"] == "3/7 · http://logs.test"


async def test_temporal_that_does_not_answer_holds_no_worker_of_the_agent(scene: Scene) -> None:
    scene.runs.slow.clear()
    replies = await asyncio.gather(*(scene.ask(BODY) for _ in range(16)))
    assert all(reply == {"node": {}, "requeue": "1s"} for reply in replies)
    assert len(scene.runs.keys) == 1
    scene.runs.slow.set()
    assert phase(await scene.heard(BODY)) == "Pending"
    assert len(scene.runs.keys) == 1


@pytest.mark.parametrize("error", [InputConflict("Other work."), Forbidden("No."), NotFound("No tenant.")])
async def test_a_start_that_is_refused_is_a_node_that_says_why(scene: Scene, error: CrossoverError) -> None:
    scene.runs.now = error
    reply = await scene.ask(BODY)
    assert reply == {"node": {"phase": "Error", "message": reply["node"]["message"], **_exit(reply)}}
    assert error.detail in reply["node"]["message"]


def _exit(reply: dict[str, Any]) -> dict[str, Any]:
    """Outputs of a node that did not run say its exit code, at most."""
    outputs = reply["node"].get("outputs")
    return {} if outputs is None else {"outputs": {"exitCode": outputs["exitCode"]}}


@pytest.mark.parametrize(
    ("error", "requeue"),
    [
        (Unavailable("Temporal is away."), "5s"),
        (Busy("Too many runs.", retry_after=12), "12s"),
        (Busy("Far too many.", retry_after=9000), f"{LONGEST:.0f}s"),
    ],
)
async def test_trouble_is_said_once_and_asked_about_again(
    scene: Scene, error: CrossoverError, requeue: str
) -> None:
    scene.runs.now = error
    told = await scene.ask(BODY)
    assert (phase(told), told["requeue"]) == ("Pending", requeue)
    assert told["node"]["message"] == f"waiting: {error.detail}"
    for scene.time in (1.0, 2 * TELL_EVERY):
        assert await scene.ask(BODY) == {"node": {}, "requeue": requeue}
    await scene.runs.become(view())
    scene.time = 4 * TELL_EVERY
    assert (await scene.heard(BODY))["node"]["message"] == "running · http://logs.test"


async def test_trouble_while_the_run_is_open_neither_fails_nor_restarts_it(scene: Scene) -> None:
    await scene.ask(BODY)
    await scene.waited_for(1)
    scene.time = TELL_EVERY
    await scene.runs.become(Unavailable("Temporal is away."))
    assert (await scene.heard(BODY))["node"]["message"] == "waiting: Temporal is away."
    await scene.runs.become(view("Succeeded", revision="3"))
    assert phase(await scene.heard(BODY)) == "Succeeded"
    assert len(scene.runs.keys) == 1


async def test_a_replica_that_shuts_down_says_nothing_and_has_the_agent_ask_again_soon(scene: Scene) -> None:
    scene.runs.now = ShuttingDown("Away.", retry_after=1)
    assert await scene.ask(BODY) == {"node": {}, "requeue": "1s"}


async def test_a_run_that_temporal_has_forgotten_is_attached_to_anew(scene: Scene) -> None:
    await scene.ask(BODY)
    await scene.waited_for(1)
    await scene.runs.become(NotFound("There is no such run."))
    await scene.waited_for(0)
    await scene.runs.become(view())
    await scene.ask(BODY)
    assert len(scene.runs.keys) == 2


async def test_a_failed_run_is_remembered_for_as_long_as_it_is_asked_for(scene: Scene) -> None:
    await scene.ask(BODY)
    await scene.runs.become(view("Failed", "broken", "2"))
    assert phase(await scene.heard(BODY)) == "Failed"
    for scene.time in (20.0, 40.0, 80.0):
        reply = await scene.ask(BODY)
        assert (phase(reply), "requeue" in reply) == ("Failed", False)
    assert len(scene.runs.keys) == 1


async def test_nobody_waits_for_a_run_that_is_no_longer_asked_for(scene: Scene) -> None:
    await scene.ask(BODY)
    await scene.waited_for(1)
    scene.time = KEPT + 1
    await scene.runs.become(view(revision="2"))
    await scene.waited_for(0)


async def test_what_was_not_asked_for_is_forgotten_when_others_come(scene: Scene) -> None:
    await scene.ask(BODY)
    await scene.waited_for(1)
    scene.time = KEPT + 1
    await scene.ask(asked(workflow()))
    await scene.waited_for(1)
    await scene.ask(BODY)
    assert len(scene.runs.keys) == 3


async def test_no_more_nodes_are_remembered_than_there_is_room_for() -> None:
    scene = Scene(most=3)
    bodies = [asked(workflow()) for _ in range(5)]
    for body in bodies:
        await scene.ask(body)
    await scene.waited_for(3)
    await scene.ask(bodies[0])
    assert len(scene.runs.keys) == 6
    await scene.plugin.aclose()
    assert scene.runs.waiting == 0


async def test_tenants_and_agent_pods_with_the_same_request_are_kept_apart(scene: Scene) -> None:
    await scene.ask(BODY, "one")
    await scene.ask(BODY, "two")
    await scene.plugin.execute("beta", BODY, "one")
    assert len(scene.runs.keys) == 3


@pytest.mark.parametrize(
    "body", [asked(workflow(), key="other"), b'{"template":{"http":{}}}', b'{"template":{"plugin":7}}']
)
async def test_foreign_templates_are_left_alone(scene: Scene, body: bytes) -> None:
    assert await scene.ask(body) == {}
    assert scene.runs.keys == []
