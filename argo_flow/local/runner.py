"""Runs one workflow of a bundle on this machine."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from argo_flow.check import check_bundle
from argo_flow.graph.bundle import Bundle, Document, Kind, UnresolvedReference
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.source import Diagnostic, Severity, Source, errors
from argo_flow.graph.templates import Template
from argo_flow.local.environment import new_trace
from argo_flow.local.events import Event, WorkflowFinished
from argo_flow.local.executor import Executor
from argo_flow.local.frame import Frame
from argo_flow.local.nodes import NodeStatus, Outputs
from argo_flow.local.state import Run
from argo_flow.local.stop import Stop
from argo_flow.local.support import unsupported
from crossover.contract.durations import parse_duration

SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters that Kubernetes appends to a generateName."""


class Refused(ValueError):
    """Nothing was started: the documents cannot be run here. `findings` says why, one by one."""

    def __init__(self, findings: tuple[Diagnostic, ...]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class WorkflowResult:
    """A workflow that is over; `nodes` by id, `outputs` are the entrypoint's."""

    name: str
    uid: str
    phase: NodePhase
    message: str
    nodes: Mapping[str, NodeStatus]
    outputs: Outputs
    directory: Path


class LocalRunner:
    """Runs workflows one at a time below `run_dir`.

    Args:
        run_dir: each run gets a directory of its own there, named as the workflow.
        on_event: told of everything that happens, in order, in the event loop's thread; it must not block.
        environment: what every process inherits; a container would have none of this machine's.
        overrides: environment variables that win over those of the templates.
        namespace: the `workflow.namespace` of documents that name none.
    """

    def __init__(
        self,
        run_dir: Path,
        on_event: Callable[[Event], None] = lambda event: None,
        *,
        environment: Mapping[str, str],
        overrides: Mapping[str, str] | None = None,
        namespace: str = "local",
    ) -> None:
        self._run_dir = run_dir
        self._on_event = on_event
        self._environment = environment
        self._overrides = dict(overrides or {})
        self._namespace = namespace
        self._stop = Stop()

    def stop(self) -> None:
        """Stop the workflow as a person would: SIGINT to its processes, SIGKILL 30 s later or if repeated."""
        self._stop.request()

    async def run(
        self,
        bundle: Bundle,
        entry: str | None = None,
        *,
        template: str | None = None,
        parameters: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> WorkflowResult:
        """Run one document of the bundle to its end.

        Args:
            entry: the document's name or generateName; needed when several could be run.
            template: runs this template instead of the document's entrypoint.
            parameters: values for `spec.arguments.parameters`.
            name: the workflow's name; by default made as Kubernetes would.

        Raises Refused before anything is started, and FileExistsError when a run of that name exists.
        """
        run, start = self._prepare(bundle, entry, template, parameters or {}, name)
        run.directory.mkdir(parents=True)
        executor = Executor(run)
        frame = Frame(document=run.document, template=start, name=run.name, display_name=run.name)
        arguments = dict(run.parameters)
        try:
            node = await executor.execute(frame, arguments)
            run.phase, run.message = node.phase, node.message
        except BaseException:
            run.phase, run.message = NodePhase.ERROR, "the runner was interrupted"
            raise
        finally:
            run.finished_at = time.time()
            run.save()
        self._on_event(WorkflowFinished(run.name, run.phase, run.message))
        return WorkflowResult(
            run.name, run.uid, run.phase, run.message, run.nodes, node.outputs, run.directory
        )

    def _prepare(
        self,
        bundle: Bundle,
        entry: str | None,
        template: str | None,
        parameters: Mapping[str, str],
        name: str | None,
    ) -> tuple[Run, Template]:
        _refuse(errors(check_bundle(bundle)))
        document = bundle.effective(_entry(bundle, entry))
        start = _start(document, template)
        _refuse(unsupported(bundle, document, start, frozenset(self._overrides)))
        chosen = name or document.name if document.kind is Kind.WORKFLOW else name
        chosen = chosen or _generate(document)
        now = time.time()
        limit = document.active_deadline_seconds
        run = Run(
            bundle=bundle,
            document=document,
            entrypoint=start.name,
            name=chosen,
            namespace=document.namespace or self._namespace,
            uid=str(uuid.uuid4()),
            parameters=_parameters(document, parameters),
            directory=self._run_dir.absolute() / chosen,
            environment=self._environment,
            overrides=self._overrides,
            trace=new_trace(),
            on_event=self._on_event,
            stop=self._stop,
            started_at=now,
            deadline=None if limit is None else now + parse_duration(limit),
        )
        return run, start


def _entry(bundle: Bundle, entry: str | None) -> Document:
    """The document to run: the one named, else the only Workflow, else the only one with an entrypoint."""
    if entry is not None:
        named = [doc for doc in bundle.documents if entry in (doc.name, doc.generate_name)]
        return _only(named, f"no document is named {entry!r}", f"several documents are named {entry!r}")
    workflows = [doc for doc in bundle.documents if doc.kind is Kind.WORKFLOW]
    return _only(
        workflows or [doc for doc in bundle.documents if doc.entrypoint],
        "there is no Workflow in the files",
        "there are several that could be run: name one",
    )


def _only(documents: list[Document], none: str, several: str) -> Document:
    if len(documents) == 1:
        return documents[0]
    source = documents[1].source if documents else Source("", 1)
    raise Refused((Diagnostic("entry", Severity.ERROR, source, several if documents else none),))


def _start(document: Document, template: str | None) -> Template:
    name = template or document.entrypoint
    try:
        if name:
            return document.template(name)
        problem = f"{document.title} has no entrypoint: name a template"
    except UnresolvedReference as error:
        problem = str(error)
    raise Refused((Diagnostic("entry", Severity.ERROR, document.source, problem),))


def _parameters(document: Document, given: Mapping[str, str]) -> dict[str, str]:
    """The workflow's parameters: those given, else their values, else their defaults. Raises Refused."""
    findings: list[Diagnostic] = []
    values: dict[str, str] = {}
    declared = {parameter.name for parameter in document.arguments}
    for parameter in document.arguments:
        value = given.get(
            parameter.name, parameter.value if parameter.value is not None else parameter.default
        )
        if value is None:
            problem = f"the workflow's parameter {parameter.name} has no value"
            findings.append(Diagnostic("parameter", Severity.ERROR, parameter.source, problem))
        elif parameter.enum and value not in parameter.enum:
            problem = f"{parameter.name} must be one of {', '.join(parameter.enum)}"
            findings.append(Diagnostic("parameter", Severity.ERROR, parameter.source, problem))
        else:
            values[parameter.name] = value
    for name in given.keys() - declared:
        values[name] = given[name]
    _refuse(tuple(findings))
    return values


def _generate(document: Document) -> str:
    prefix = document.generate_name or f"{document.name}-"
    return prefix + "".join(secrets.choice(SUFFIX_ALPHABET) for _ in range(5))


def _refuse(findings: tuple[Diagnostic, ...]) -> None:
    if findings:
        raise Refused(findings)
