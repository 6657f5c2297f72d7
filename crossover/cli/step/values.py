"""What was given, as checked values. Every wrong one is a `UsageError` that names where it came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

from crossover.cli.step.arguments import Arguments, Given
from crossover.cli.step.credentials import CredentialError, read_certificates, read_token
from crossover.cli.step.environment import ArgoPod
from crossover.cli.step.usage import UsageError
from crossover.contract.durations import parse_duration
from crossover.contract.run import ArgoNode, valid_trace_id

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the bridge is. `prefix` is the URL's path, quoted, without a trailing slash."""

    scheme: str
    host: str
    port: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Access:
    """The bridge's address and the files that are read again for every use."""

    endpoint: Endpoint
    token_file: Path | None
    ca_file: Path | None


_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


def read_access(arguments: Arguments) -> Access:
    """Raises UsageError, also for a file that is no good now."""
    return Access(
        _endpoint(arguments),
        _file(arguments, "token_file", read_token),
        _file(arguments, "ca_file", read_certificates),
    )


def read_node(arguments: Arguments, pod: ArgoPod) -> ArgoNode:
    """The Argo node that this pod belongs to, without its attempt."""
    return ArgoNode(
        namespace=_identity(arguments, "argo_namespace", "workflow.namespace", pod.namespace),
        workflow=_identity(arguments, "argo_workflow", "workflow.name", pod.workflow),
        uid=_identity(arguments, "argo_uid", "workflow.uid", None),
        node_name=_identity(arguments, "argo_node", "node.name", None),
    )


def optional(arguments: Arguments, key: str, read: Callable[[str], _T]) -> _T | None:
    given = arguments.one(key)
    return None if given is None else checked(given, read)


def required(arguments: Arguments, key: str, read: Callable[[str], _T]) -> _T:
    given = arguments.one(key)
    if given is None:
        raise UsageError(f"{arguments.settings[key].flag} is missing")
    return checked(given, read)


def checked(given: Given, read: Callable[[str], _T]) -> _T:
    """`read` raises ValueError for a wrong value; the text goes behind the name of its source."""
    if "{{" in given.value:
        raise UsageError(
            f"{given.source}: still holds an Argo variable, {given.value}: Argo did not resolve it. "
            "Is it spelt as in Argo's documentation, and known in this kind of template?"
        )
    try:
        return read(given.value)
    except ValueError as error:
        raise UsageError(f"{given.source}: {error}") from None


def choice(choices: type[_E]) -> Callable[[str], _E]:
    def read(value: str) -> _E:
        try:
            return choices(value)
        except ValueError:
            raise ValueError("must be one of " + ", ".join(choices)) from None

    return read


def positive_duration(value: str) -> float:
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError("must be longer than zero")
    return seconds


def trace_id(value: str) -> str:
    if not valid_trace_id(value):
        raise ValueError(
            "must be letters, digits, dots, underscores and hyphens, starting with a letter or digit"
        )
    return value


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
    path = optional(arguments, key, Path)
    if path is None:
        return None
    try:
        check(path)
    except CredentialError as error:
        raise UsageError(f"{arguments.settings[key].flag}: {error}") from None
    return path


def _identity(arguments: Arguments, key: str, variable: str, fallback: str | None) -> str:
    value = optional(arguments, key, str) or fallback
    if value is None:
        setting = arguments.settings[key]
        raise UsageError(
            f"{setting.flag} is missing: give the container {setting.environment}={{{{{variable}}}}} as env"
        )
    return value
