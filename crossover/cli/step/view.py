"""A run's view as the step reads it: what it needs, checked; everything else stays in `raw`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crossover.cli.step.replies import Unusable
from crossover.contract.run import ExitCode, Phase


@dataclass(frozen=True, slots=True)
class Failure:
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps a run from going on, with a sentence that says what to do."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class PendingActivity:
    id: str
    type: str
    attempt: int
    last_failure: str | None


@dataclass(frozen=True, slots=True)
class View:
    """One look at a run. `failures` is the failure and its causes, outermost first."""

    id: str
    revision: str
    phase: str
    message: str
    exit_code: int | None
    progress: str | None
    parameters: dict[str, str] | None
    result: object
    failures: tuple[Failure, ...]
    problems: tuple[Problem, ...]
    activities: tuple[PendingActivity, ...]
    cancel_requested: bool
    links: dict[str, str]
    raw: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        return self.phase == Phase.SUCCEEDED


LONGEST_CAUSE_CHAIN = 20


def read_view(raw: dict[str, Any]) -> View:
    """Raises Unusable when it is no run view: then something else answered in the bridge's place."""
    identity, phase = raw.get("id"), raw.get("phase")
    if not isinstance(identity, str) or not identity or not isinstance(phase, str):
        raise Unusable("its reply is not a run")
    outputs = raw.get("outputs")
    return View(
        id=identity,
        revision=_text(raw.get("revision")),
        phase=phase,
        message=_text(raw.get("message")),
        exit_code=_exit_code(raw.get("exit_code"), phase),
        progress=_text(raw.get("progress")) or None,
        parameters=_strings(outputs.get("parameters")) if isinstance(outputs, dict) else None,
        result=outputs.get("result") if isinstance(outputs, dict) else None,
        failures=_failures(raw.get("failure")),
        problems=tuple(
            Problem(_text(item.get("code")), _text(item.get("message")))
            for item in _objects(raw.get("problems"))
        ),
        activities=tuple(_activity(item) for item in _objects(raw.get("pending_activities"))),
        cancel_requested=raw.get("cancel_requested") is True,
        links=_strings(raw.get("links")),
        raw=raw,
    )


def _exit_code(code: object, phase: str) -> int | None:
    """The bridge's code; where it gives none for a closed phase, that phase's plain code."""
    if type(code) is int and 0 <= code < 256:
        return code
    if phase == Phase.SUCCEEDED:
        return int(ExitCode.SUCCEEDED)
    return int(ExitCode.FAILED) if phase in (Phase.FAILED, Phase.ERROR) else None


def _failures(failure: object) -> tuple[Failure, ...]:
    chain: list[Failure] = []
    while isinstance(failure, dict) and len(chain) < LONGEST_CAUSE_CHAIN:
        chain.append(Failure(_text(failure.get("type")), _text(failure.get("message"))))
        failure = failure.get("cause")
    return tuple(chain)


def _activity(item: dict[str, Any]) -> PendingActivity:
    attempt = item.get("attempt")
    return PendingActivity(
        id=_text(item.get("id")),
        type=_text(item.get("type")),
        attempt=attempt if isinstance(attempt, int) else 1,
        last_failure=_text(item.get("last_failure")) or None,
    )


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {name: text for name, text in value.items() if isinstance(name, str) and isinstance(text, str)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
