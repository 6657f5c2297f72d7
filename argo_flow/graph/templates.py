"""What a template says. `extra` holds the keys of Argo that are carried as written (see `Raw`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from argo_flow.graph.depends import Depends
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.source import Raw, Source

Extra: TypeAlias = Mapping[str, Raw]


def _none() -> Extra:
    return {}


@dataclass(frozen=True, slots=True)
class ValueFrom:
    """Where a parameter's value comes from. `default` stands in when there is none."""

    path: str | None = None
    parameter: str | None = None
    expression: str | None = None
    default: str | None = None
    supplied: bool = False
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input, argument or output. Values are strings: Argo turns numbers and booleans into text."""

    name: str
    source: Source
    value: str | None = None
    default: str | None = None
    enum: tuple[str, ...] = ()
    value_from: ValueFrom | None = None
    global_name: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class EnvVar:
    name: str
    source: Source
    value: str | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Container:
    image: str | None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    working_dir: str | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Script:
    """A container whose `command` is given the path of a file holding `text`."""

    container: Container
    text: str


@dataclass(frozen=True, slots=True)
class Suspend:
    """Waits for `duration` (Go's notation or seconds), or for a person when there is none."""

    duration: str | None


@dataclass(frozen=True, slots=True)
class ContinueOn:
    error: bool = False
    failed: bool = False

    def covers(self, phase: NodePhase) -> bool:
        """Whether a node that ended in `phase` does not fail what it is part of."""
        return (phase is NodePhase.ERROR and self.error) or (phase is NodePhase.FAILED and self.failed)


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A template of another document of the bundle."""

    name: str
    template: str
    cluster_scope: bool
    source: Source

    @property
    def dynamic(self) -> bool:
        """Whether it is known only while the workflow runs. Argo accepts that since 3.6.14, 3.7.5 and 4.0."""
        return "{{" in self.name or "{{" in self.template


@dataclass(frozen=True, slots=True)
class Call:
    """A call site: a step of a group or a task of a DAG. Exactly one of the three targets is set."""

    name: str
    source: Source
    template: str | None = None
    template_ref: TemplateRef | None = None
    inline: Template | None = None
    arguments: tuple[Parameter, ...] = ()
    when: str | None = None
    depends: Depends | None = None
    dependencies: tuple[str, ...] = ()
    continue_on: ContinueOn | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Steps:
    """Groups run one after the other; the steps of a group run side by side."""

    groups: tuple[tuple[Call, ...], ...]


@dataclass(frozen=True, slots=True)
class Dag:
    """`targets` are the tasks that decide the DAG's phase; empty: all that nothing depends on."""

    tasks: tuple[Call, ...]
    targets: tuple[str, ...] = ()
    fail_fast: bool = True


@dataclass(frozen=True, slots=True)
class Opaque:
    """A kind of template that is carried, not modelled: resource, http, plugin, containerSet, data."""

    kind: str
    raw: Raw


Body: TypeAlias = Container | Script | Suspend | Steps | Dag | Opaque


@dataclass(frozen=True, slots=True)
class Backoff:
    """`duration`, `max_duration` and `cap` in Go's notation or seconds, as written."""

    duration: str | None = None
    factor: str | None = None
    max_duration: str | None = None
    cap: str | None = None


@dataclass(frozen=True, slots=True)
class RetryStrategy:
    """An absent limit means that Argo retries without end."""

    source: Source
    limit: str | None = None
    policy: str | None = None
    backoff: Backoff | None = None
    expression: str | None = None
    extra: Extra = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A text with `{{…}}` in it. `path` leads to it inside its template, such as `dag.tasks[1].when`."""

    path: str
    text: str
    source: Source


@dataclass(frozen=True, slots=True)
class Template:
    name: str
    source: Source
    body: Body
    inputs: tuple[Parameter, ...] = ()
    outputs: tuple[Parameter, ...] = ()
    retry_strategy: RetryStrategy | None = None
    timeout: str | None = None
    active_deadline_seconds: str | None = None
    extra: Extra = field(default_factory=_none)
    tagged: tuple[Tagged, ...] = ()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call site, in the order written."""
        match self.body:
            case Steps(groups):
                return tuple(call for group in groups for call in group)
            case Dag(tasks=tasks):
                return tasks
        return ()
