"""The documents of one or more files, and how they refer to one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from argo_flow.graph.source import Diagnostic, Source
from argo_flow.graph.templates import Call, Extra, Parameter, Template


class Kind(StrEnum):
    WORKFLOW = "Workflow"
    WORKFLOW_TEMPLATE = "WorkflowTemplate"
    CLUSTER_WORKFLOW_TEMPLATE = "ClusterWorkflowTemplate"


class UnresolvedReference(LookupError):
    """A name that nothing in the bundle has; the text says which."""


@dataclass(frozen=True, slots=True)
class WorkflowTemplateRef:
    name: str
    cluster_scope: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Document:
    """One Workflow, WorkflowTemplate or ClusterWorkflowTemplate."""

    kind: Kind
    source: Source
    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    entrypoint: str | None = None
    arguments: tuple[Parameter, ...] = ()
    templates: tuple[Template, ...] = ()
    template_ref: WorkflowTemplateRef | None = None
    active_deadline_seconds: str | None = None
    extra: Extra = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name or (self.generate_name or '') + '*'}"

    def template(self, name: str) -> Template:
        """The template of that name. Raises UnresolvedReference."""
        for template in self.templates:
            if template.name == name:
                return template
        raise UnresolvedReference(f"{self.title} has no template {name!r}")


@dataclass(frozen=True, slots=True)
class Bundle:
    """All documents of a set of files, with everything there was to say while reading them."""

    documents: tuple[Document, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    def workflow_template(self, name: str, cluster_scope: bool) -> Document:
        """The (Cluster)WorkflowTemplate of that name. Raises UnresolvedReference."""
        kind = Kind.CLUSTER_WORKFLOW_TEMPLATE if cluster_scope else Kind.WORKFLOW_TEMPLATE
        for document in self.documents:
            if document.kind is kind and document.name == name:
                return document
        raise UnresolvedReference(f"no {kind} {name!r} among the files given")

    def resolve(self, document: Document, call: Call) -> tuple[Document, Template]:
        """The template that a call site of `document` names, and the document its own names resolve in.

        Raises UnresolvedReference.
        """
        if call.inline is not None:
            return document, call.inline
        if call.template_ref is not None:
            home = self.workflow_template(call.template_ref.name, call.template_ref.cluster_scope)
            return home, home.template(call.template_ref.template)
        return document, self.local_template(document, call.template or "")

    def local_template(self, document: Document, name: str) -> Template:
        """A template of the document, or of the WorkflowTemplate that its workflowTemplateRef names."""
        return self.effective(document).template(name)

    def effective(self, document: Document) -> Document:
        """The document with its workflowTemplateRef merged in, as Argo does when it starts a workflow.

        Source: argo-workflows workflow/util/merge.go; the workflow's own values win.
        Raises UnresolvedReference.
        """
        if document.template_ref is None:
            return document
        base = self.workflow_template(document.template_ref.name, document.template_ref.cluster_scope)
        own = {parameter.name for parameter in document.arguments}
        inherited = tuple(parameter for parameter in base.arguments if parameter.name not in own)
        return Document(
            kind=document.kind,
            source=document.source,
            name=document.name,
            generate_name=document.generate_name,
            namespace=document.namespace,
            labels=document.labels,
            annotations=document.annotations,
            entrypoint=document.entrypoint or base.entrypoint,
            arguments=document.arguments + inherited,
            templates=document.templates or base.templates,
            active_deadline_seconds=document.active_deadline_seconds or base.active_deadline_seconds,
            extra={**base.extra, **document.extra},
        )

    def reachable(self, document: Document, start: Template) -> Iterator[tuple[Document, Template]]:
        """Every template that running `start` may execute, each once. Raises UnresolvedReference."""
        pending = [(document, start)]
        seen: set[tuple[Source, str, Source]] = set()
        while pending:
            home, template = pending.pop()
            key = (home.source, template.name, template.source)
            if key in seen:
                continue
            seen.add(key)
            yield home, template
            for call in reversed(template.calls):
                pending.extend(self._possible(home, call))

    def _possible(self, document: Document, call: Call) -> Iterator[tuple[Document, Template]]:
        """What a call site may name: of a dynamic templateRef, any template of the bundle that it can."""
        reference = call.template_ref
        if reference is None or not reference.dynamic:
            yield self.resolve(document, call)
            return
        kind = Kind.CLUSTER_WORKFLOW_TEMPLATE if reference.cluster_scope else Kind.WORKFLOW_TEMPLATE
        for home in self.documents:
            if home.kind is kind:
                yield from ((home, template) for template in home.templates)
