"""Flags and variables as checked values. Every wrong one is a `UsageError` that names where it came from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from crossover.cli.step.arguments import SETTINGS, Arguments, Given
from crossover.cli.step.credentials import CredentialError, read_certificates, read_token
from crossover.cli.step.environment import ArgoPod
from crossover.cli.step.input import read_input, read_outputs
from crossover.cli.step.usage import UsageError
from crossover.contract.durations import parse_duration
from crossover.contract.run import ArgoNode, OnCancel, Scope, valid_trace_id

SHORTEST_RUN = 1.0
"""Seconds that a run gets at least, however close Argo's deadline is."""

LONGEST_POLL = 60.0
"""The bridge answers a waiting request after this many seconds at the latest."""

DEFAULT_PORTS = {"http": 80, "https": 443}


class OnSigterm(StrEnum):
    """What SIGTERM means: ask the bridge, always cancel, or always let go."""

    AUTO = "auto"
    CANCEL = "cancel"
    DETACH = "detach"


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the bridge is. `prefix` is the URL's path, quoted, without a trailing slash."""

    scheme: str
    host: str
    port: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Options:
    """Everything `crossover step run` was asked; durations in seconds."""

    endpoint: Endpoint
    token_file: Path | None
    ca_file: Path | None
    app: str | None
    workflow_type: str | None
    task_queue: str | None
    input: dict[str, Any]
    execution_timeout: float | None
    scope: Scope
    trace_id: str | None
    outputs_dir: Path | None
    outputs: dict[str, str]
    view_file: Path | None
    on_cancel: OnCancel
    cancel_grace: float | None
    on_sigterm: OnSigterm
    stop_wait: float
    outage_budget: float
    poll_wait: float
    request_timeout: float
    argo: ArgoNode
    color: Color


_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


def resolve(arguments: Arguments, pod: ArgoPod) -> Options:
    """Check everything that was given. Raises UsageError."""
    app, workflow_type, task_queue = (_name(arguments, key) for key in ("app", "workflow_type", "task_queue"))
    _check_work(app, workflow_type, task_queue)
    return Options(
        endpoint=_endpoint(arguments),
        token_file=_file(arguments, "token_file", read_token),
        ca_file=_file(arguments, "ca_file", read_certificates),
        app=app,
        workflow_type=workflow_type,
        task_queue=task_queue,
        input=read_input(arguments),
        execution_timeout=_execution_timeout(arguments, pod),
        scope=_required(arguments, "scope", _choice(Scope)),
        trace_id=_optional(arguments, "trace_id", _trace_id),
        outputs_dir=_optional(arguments, "outputs_dir", Path),
        outputs=read_outputs(arguments),
        view_file=_optional(arguments, "view_file", Path),
        on_cancel=_required(arguments, "on_cancel", _choice(OnCancel)),
        cancel_grace=_optional(arguments, "cancel_grace", parse_duration),
        on_sigterm=_required(arguments, "on_sigterm", _choice(OnSigterm)),
        stop_wait=_required(arguments, "stop_wait", parse_duration),
        outage_budget=_required(arguments, "outage_budget", parse_duration),
        poll_wait=min(_required(arguments, "poll_wait", parse_duration), LONGEST_POLL),
        request_timeout=_required(arguments, "request_timeout", _positive_duration),
        argo=_argo(arguments, pod),
        color=_required(arguments, "color", _choice(Color)),
    )


def _check_work(app: str | None, workflow_type: str | None, task_queue: str | None) -> None:
    if app and (workflow_type or task_queue):
        raise UsageError("give either --app or --workflow-type with --task-queue, not both")
    if not app and not (workflow_type and task_queue):
        raise UsageError("say what to run: --app, or --workflow-type together with --task-queue")


def _endpoint(arguments: Arguments) -> Endpoint:
    given = arguments.one("url")
    if given is None:
        raise UsageError("--url is missing: set it, or CROSSOVER_URL, to where the bridge is")
    try:
        parts = urlsplit(given.value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{given.source}: is not a URL") from None
    if parts.scheme not in DEFAULT_PORTS or not host:
        raise UsageError(f"{given.source}: write http://HOST[:PORT] or https://HOST[:PORT]")
    if parts.username is not None or parts.query or parts.fragment or not given.value.isprintable():
        raise UsageError(f"{given.source}: must hold no user, password, query or fragment")
    prefix = quote(parts.path.rstrip("/"), safe="/%")
    return Endpoint(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], prefix)


def _file(arguments: Arguments, key: str, check: Callable[[Path], object]) -> Path | None:
    """A file that must be good now; it is read again whenever it is used."""
    path = _optional(arguments, key, Path)
    if path is None:
        return None
    try:
        check(path)
    except CredentialError as error:
        raise UsageError(f"{SETTINGS[key].flag}: {error}") from None
    return path


def _execution_timeout(arguments: Arguments, pod: ArgoPod) -> float | None:
    explicit = _optional(arguments, "execution_timeout", _positive_duration)
    if explicit is not None or pod.deadline is None:
        return explicit
    return max(SHORTEST_RUN, round(pod.deadline.at - time.time(), 3))


def _argo(arguments: Arguments, pod: ArgoPod) -> ArgoNode:
    return ArgoNode(
        namespace=_identity(arguments, "argo_namespace", "workflow.namespace", pod.namespace),
        workflow=_identity(arguments, "argo_workflow", "workflow.name", pod.workflow),
        uid=_identity(arguments, "argo_uid", "workflow.uid", None),
        node_name=_identity(arguments, "argo_node", "node.name", None),
        retries=_retries(arguments),
    )


def _identity(arguments: Arguments, key: str, variable: str, fallback: str | None) -> str:
    value = _name(arguments, key) or fallback
    if value is None:
        setting = SETTINGS[key]
        raise UsageError(
            f"{setting.flag} is missing: give the container {setting.environment}={{{{{variable}}}}} as env"
        )
    return value


def _retries(arguments: Arguments) -> int:
    """Argo leaves `{{retries}}` as it is in templates without a retryStrategy: that is attempt 0."""
    given = arguments.one("argo_retries")
    if given is None or "{{" in given.value:
        return 0
    if not given.value.isascii() or not given.value.isdigit():
        raise UsageError(f"{given.source}: must be a number of retries, 0 or more")
    return int(given.value[:9])


def _name(arguments: Arguments, key: str) -> str | None:
    return _optional(arguments, key, str)


def _optional(arguments: Arguments, key: str, read: Callable[[str], _T]) -> _T | None:
    given = arguments.one(key)
    return None if given is None else _read(given, read)


def _required(arguments: Arguments, key: str, read: Callable[[str], _T]) -> _T:
    given = arguments.one(key)
    if given is None:
        raise UsageError(f"{SETTINGS[key].flag} is missing")
    return _read(given, read)


def _read(given: Given, read: Callable[[str], _T]) -> _T:
    if "{{" in given.value:
        raise UsageError(
            f"{given.source}: still holds an Argo variable, {given.value}: Argo did not resolve it. "
            "Is it spelt as in Argo's documentation, and known in this kind of template?"
        )
    try:
        return read(given.value)
    except ValueError as error:
        raise UsageError(f"{given.source}: {error}") from None


def _choice(choices: type[_E]) -> Callable[[str], _E]:
    def read(value: str) -> _E:
        try:
            return choices(value)
        except ValueError:
            raise ValueError("must be one of " + ", ".join(choices)) from None

    return read


def _positive_duration(value: str) -> float:
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError("must be longer than zero")
    return seconds


def _trace_id(value: str) -> str:
    if not valid_trace_id(value):
        raise ValueError(
            "must be letters, digits, dots, underscores and hyphens, starting with a letter or digit"
        )
    return value
