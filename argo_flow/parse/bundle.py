"""The documents of a set of files."""

from __future__ import annotations

from collections.abc import Mapping

from argo_flow.graph.bundle import Bundle, Document, Kind, WorkflowTemplateRef
from argo_flow.graph.source import Diagnostic
from argo_flow.parse import keys
from argo_flow.parse.fields import Fields, Report
from argo_flow.parse.parameters import read_parameters
from argo_flow.parse.templates import read_template
from argo_flow.parse.tree import Node, Unreadable, read_documents

API_GROUP = "argoproj.io/"


def parse_texts(texts: Mapping[str, str]) -> Bundle:
    """One bundle of all documents in `texts`, which maps a file's name to its YAML.

    Never raises for what the YAML holds: whatever is wrong is a diagnostic of the bundle.
    """
    documents: list[Document] = []
    findings: list[Diagnostic] = []
    for file, text in texts.items():
        report = Report(file)
        try:
            nodes = read_documents(text)
        except Unreadable as error:
            report.error(error.code, error.line, str(error))
            nodes = []
        read = [_document(node, report) for node in nodes]
        documents += [document for document in read if document is not None]
        findings += report.findings
    return Bundle(tuple(documents), tuple(findings))


def _document(node: Node, report: Report) -> Document | None:
    fields = Fields(node, "", report)
    kind, version = fields.text("kind"), fields.text("apiVersion") or ""
    if kind not in list(Kind) or not version.startswith(API_GROUP):
        what = kind or "a document without a kind"
        report.warning("other-kind", node.line, f"{what} is not read: only {', '.join(Kind)} are")
        return None
    metadata = fields.fields("metadata") or Fields(None, "metadata", report)
    spec = fields.fields("spec") or Fields(None, "spec", report)
    document = _workflow(Kind(kind), fields, metadata, spec)
    if not document.name and not (document.generate_name and document.kind is Kind.WORKFLOW):
        report.error("missing-name", node.line, f"the {kind} has no metadata.name")
    return document


def _workflow(kind: Kind, fields: Fields, metadata: Fields, spec: Fields) -> Document:
    arguments, other_arguments = read_parameters(spec, "arguments", keys.ARGUMENTS)
    return Document(
        kind=kind,
        source=fields.source,
        name=metadata.text("name"),
        generate_name=metadata.text("generateName"),
        namespace=metadata.text("namespace"),
        labels=metadata.text_map("labels"),
        annotations=metadata.text_map("annotations"),
        entrypoint=spec.text("entrypoint"),
        arguments=arguments,
        templates=spec.sequence("templates", lambda node, path: read_template(node, path, spec.report)),
        template_ref=_template_ref(spec),
        active_deadline_seconds=spec.any_text("activeDeadlineSeconds"),
        extra={
            **{f"metadata.{key}": raw for key, raw in metadata.rest(keys.METADATA).items()},
            **other_arguments,
            **spec.rest(keys.SPEC),
            **fields.rest(keys.DOCUMENT),
        },
    )


def _template_ref(spec: Fields) -> WorkflowTemplateRef | None:
    fields = spec.fields("workflowTemplateRef")
    if fields is None:
        return None
    reference = WorkflowTemplateRef(
        name=fields.text("name") or "",
        cluster_scope=bool(fields.boolean("clusterScope")),
        source=fields.source,
    )
    fields.rest(frozenset())
    return reference
