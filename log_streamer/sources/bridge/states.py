"""Run views and histories, made into states: what changed since the last look. Pure.

A view shows the activities that are pending. What became of those that are no longer, and of those that
came and went between two views, is in the history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from log_streamer.model import Kind, Node, State
from log_streamer.sources.pods import node_of
from log_streamer.sources.source import Engine, WorkflowRef

_CLOSED = ("Succeeded", "Failed", "Error")
"""Phases of a run that is over, the worst last."""

_PENDING = {"SCHEDULED": "Scheduled", "STARTED": "Started", "CANCEL_REQUESTED": "CancelRequested"}
"""Temporal's states of pending activities. Source: temporal.api.enums.v1.PendingActivityState."""

_ENDS = {
    "activityTaskCompletedEventAttributes": "Completed",
    "activityTaskFailedEventAttributes": "Failed",
    "activityTaskTimedOutEventAttributes": "TimedOut",
    "activityTaskCanceledEventAttributes": "Canceled",
}
"""Events that end an activity. Source: temporal.api.history.v1."""


def is_closed(view: Mapping[str, Any]) -> bool:
    return view["phase"] in _CLOSED


def workflow_of(view: Mapping[str, Any]) -> WorkflowRef | None:
    """The Argo workflow whose node the run stands for."""
    argo = view.get("argo")
    return WorkflowRef(argo["namespace"], argo["workflow"]) if argo else None


def identities_in_view(view: Mapping[str, Any]) -> set[str]:
    """Workers that have its activities, or poll its task queue."""
    of_activities = {item.get("worker") for item in view.get("pending_activities") or ()}
    return {one for one in of_activities | set((view.get("queue") or {}).get("workers") or ()) if one}


def identities_in_history(events: Sequence[Mapping[str, Any]]) -> set[str]:
    """Workers that have taken a task of the run."""
    kinds = ("activityTaskStartedEventAttributes", "workflowTaskStartedEventAttributes")
    found = (event.get(kind, {}).get("identity") for event in events for kind in kinds)
    return {identity for identity in found if identity}


class RunStates:
    """Remembers the runs of one trace."""

    def __init__(self, locator: str) -> None:
        self._locator = locator
        self._phases: dict[str, str] = {}
        self._told: dict[tuple[Kind, str], tuple[object, ...]] = {}
        self._ended: set[str] = set()
        self._pending: dict[str, set[str]] = {}

    @property
    def engine(self) -> Engine:
        """Over when all runs are, in the worst of their phases."""
        phases = self._phases.values()
        if any(phase not in _CLOSED for phase in phases):
            return Engine(self._locator, over=False)
        return Engine(self._locator, over=True, phase=max(phases, key=_CLOSED.index, default=None))

    @property
    def known(self) -> bool:
        return bool(self._phases) or any(kind is Kind.DECISION for kind, _ in self._told)

    def decided(self, decision: Mapping[str, Any]) -> list[State]:
        """The decision, if it was not told yet."""
        return [state for state in [_decision_state(decision)] if self._is_news(state)]

    def expect(self, run: str) -> None:
        """The run is open; a view that tells more is on its way."""
        self._phases[run] = "Running"

    def take(self, view: Mapping[str, Any]) -> list[State]:
        """New or changed states of the run and its pending activities."""
        self._phases[view["id"]] = view["phase"]
        return [state for state in _view_states(view) if self._is_news(state)]

    def take_history(self, view: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> list[State]:
        """How the run's activities have begun and ended."""
        return [state for state in _history_states(view, events) if self._is_news(state)]

    def drop(self, run: str) -> None:
        """The run does not exist any more."""
        self._phases.pop(run, None)

    def vanished(self, view: Mapping[str, Any]) -> bool:
        """Whether an activity was pending in the view before and is not in this one."""
        now = {_activity_id(view, item["id"]) for item in view.get("pending_activities") or ()}
        before = self._pending.get(view["id"], set())
        self._pending[view["id"]] = now
        return not before <= now

    def _is_news(self, state: State) -> bool:
        """An activity that has ended says nothing more: a view may be older than the history."""
        if state.id in self._ended:
            return False
        if state.kind is Kind.ACTIVITY and state.phase in _ENDS.values():
            self._ended.add(state.id)
        mark = (state.phase, state.attempt, state.message, state.progress)
        news = self._told.get((state.kind, state.id)) != mark
        self._told[state.kind, state.id] = mark
        return news


def _view_states(view: Mapping[str, Any]) -> Iterator[State]:
    yield State(
        Kind.RUN,
        view["id"],
        view["workflow_type"],
        view["phase"],
        (view["closed_at"] if is_closed(view) else view["started_at"]) or view["observed_at"],
        message=view["message"] or "",
        node=_node(view),
        progress=view.get("progress"),
    )
    for item in view.get("pending_activities") or ():
        yield _pending_state(view, item)


def _decision_state(decision: Mapping[str, Any]) -> State:
    argo = decision["argo"]
    grounds = f"{decision['rule']}, version {decision['config_version']}"
    return State(
        Kind.DECISION,
        f"{decision['flag']}/{argo['uid']}/{argo['node_name']}",
        decision["flag"],
        decision["variant"],
        decision["decided_at"],
        message=decision["note"] or (f"{grounds}, stale" if decision["stale"] else grounds),
        node=node_of(argo["workflow"], argo["node_name"]),
    )


def _pending_state(view: Mapping[str, Any], item: Mapping[str, Any]) -> State:
    retrying = item["state"] == "SCHEDULED" and item["attempt"] > 1
    return State(
        Kind.ACTIVITY,
        _activity_id(view, item["id"]),
        item["type"],
        "Retrying" if retrying else _PENDING.get(item["state"], item["state"].capitalize()),
        view["observed_at"],
        message=item.get("last_failure") or "",
        node=_node(view),
        attempt=item["attempt"],
        progress=item.get("progress"),
    )


def _history_states(view: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Iterator[State]:
    scheduled: dict[str, tuple[str, str]] = {}
    attempts: dict[str, int] = {}
    for event in events:
        if made := event.get("activityTaskScheduledEventAttributes"):
            scheduled[event["eventId"]] = (made["activityId"], made["activityType"]["name"])
        elif begun := event.get("activityTaskStartedEventAttributes"):
            attempts[begun["scheduledEventId"]] = begun.get("attempt", 1)
        for attributes, phase in _ENDS.items():
            if (ended := event.get(attributes)) and (known := scheduled.get(ended["scheduledEventId"])):
                attempt = attempts.get(ended["scheduledEventId"])
                failure = ended.get("failure") or {}
                yield State(
                    Kind.ACTIVITY,
                    _activity_id(view, known[0]),
                    known[1],
                    phase,
                    event["eventTime"],
                    message=_failure_text(failure),
                    node=_node(view),
                    attempt=attempt,
                )


def _failure_text(failure: Mapping[str, Any]) -> str:
    kind = (failure.get("applicationFailureInfo") or {}).get("type")
    text = failure.get("message", "")
    return f"{kind}: {text}" if kind else text


def _activity_id(view: Mapping[str, Any], activity: str) -> str:
    """Activity ids are counted anew in each run of a chain that continued as new."""
    return f"{view['temporal']['run_id']}/{activity}"


def _node(view: Mapping[str, Any]) -> Node | None:
    argo = view.get("argo")
    return node_of(argo["workflow"], argo["node_name"]) if argo else None
