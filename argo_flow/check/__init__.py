"""What is wrong with a bundle although each document can be read: references, arguments and variables."""

from __future__ import annotations

from argo_flow.check.references import check_references
from argo_flow.check.tasks import check_tasks
from argo_flow.check.variables import check_variables
from argo_flow.graph.bundle import Bundle
from argo_flow.graph.source import Diagnostic

__all__ = ["check_bundle"]


def check_bundle(bundle: Bundle) -> tuple[Diagnostic, ...]:
    """Everything there is to say about the bundle: what parsing found, then what the checks find."""
    findings = [*bundle.diagnostics]
    for document in bundle.documents:
        findings += check_references(bundle, document)
        for template in document.templates:
            findings += check_tasks(template)
            findings += check_variables(bundle, document, template)
    return tuple(findings)
