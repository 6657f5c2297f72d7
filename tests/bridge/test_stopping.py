"""Stop or eviction: read off Workflow objects as a real Argo 4.1.2 showed them."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.steps.stopping import stop_reason
from crossover.contract.run import ArgoNode

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def recorded(name: str) -> list[dict[str, Any]]:
    """The objects of a recorded watch, in order."""
    text, decoder, at = (
        (Path(__file__).parent.parent / "recordings" / name).read_text(),
        json.JSONDecoder(),
        0,
    )
    objects = []
    while at < len(text.rstrip()):
        found, at = decoder.raw_decode(text, at)
        objects.append(found)
        at += len(text[at:]) - len(text[at:].lstrip())
    return objects


STOPPED = recorded("workflow-stop-watch.json")
RUNNING = next(each for each in STOPPED if "shutdown" not in each["spec"])
UID = RUNNING["metadata"]["uid"]
NODE = ArgoNode("argo", RUNNING["metadata"]["name"], UID, "wf.extract")
IN_EXIT_HANDLER = ArgoNode("argo", RUNNING["metadata"]["name"], UID, "wf.onExit.report")


def test_a_running_workflow_goes_on() -> None:
    assert stop_reason(RUNNING, NODE, NOW) is None


def test_from_argo_stop_on_every_object_says_so() -> None:
    after = STOPPED[STOPPED.index(RUNNING) + 1 :]
    stopped = [each for each in after if each["spec"].get("shutdown")]
    assert stopped
    for each in stopped:
        assert "Stop" in (stop_reason(each, NODE, NOW) or "")


def changed(path: str, value: object) -> dict[str, Any]:
    workflow = copy.deepcopy(RUNNING)
    part = workflow
    *parents, last = path.split(".")
    for key in parents:
        part = part.setdefault(key, {})
    part[last] = value
    return workflow


@pytest.mark.parametrize(
    ("workflow", "words"),
    [
        (None, "deleted"),
        (changed("metadata.uid", "another"), "replaced"),
        (changed("metadata.deletionTimestamp", "2026-11-21T02:00:00Z"), "being deleted"),
        (changed("spec.shutdown", "Terminate"), "Terminate"),
        (changed("status.phase", "Failed"), "over (Failed)"),
        (changed("spec.activeDeadlineSeconds", 60), "activeDeadlineSeconds"),
    ],
    ids=["gone", "replaced", "deleting", "terminate", "over", "deadline"],
)
def test_each_way_to_end_a_workflow_is_a_reason(workflow: dict[str, Any] | None, words: str) -> None:
    assert words in (stop_reason(workflow, NODE, NOW) or "")


def test_a_deadline_that_lies_ahead_is_no_reason() -> None:
    assert stop_reason(changed("spec.activeDeadlineSeconds", 10**6), NODE, NOW) is None


@pytest.mark.parametrize(
    ("workflow", "goes_on"),
    [
        (changed("spec.shutdown", "Stop"), True),
        (changed("spec.activeDeadlineSeconds", 60), True),
        (changed("spec.shutdown", "Terminate"), False),
        (changed("status.phase", "Failed"), False),
    ],
    ids=["stop", "deadline", "terminate", "over"],
)
def test_exit_handlers_outlive_a_stop_and_the_deadline_alone(workflow: dict[str, Any], goes_on: bool) -> None:
    assert (stop_reason(workflow, IN_EXIT_HANDLER, NOW) is None) == goes_on


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"metadata": None},
        {"metadata": {"uid": UID}, "spec": [], "status": "x"},
        changed("status.phase", []),
    ],
)
def test_an_odd_object_is_read_without_a_crash(odd: dict[str, Any]) -> None:
    stop_reason(odd, NODE, NOW)
