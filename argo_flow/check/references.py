"""Whether every name leads to a template, and whether arguments and inputs fit."""

from __future__ import annotations

from collections.abc import Iterator

from argo_flow.graph.bundle import Bundle, Document, Kind, UnresolvedReference
from argo_flow.graph.source import Diagnostic, Severity, Source
from argo_flow.graph.templates import Call, Parameter, Template


def check_references(bundle: Bundle, document: Document) -> Iterator[Diagnostic]:
    yield from _entrypoint(bundle, document)
    for template in document.templates:
        for call in template.calls:
            yield from _call(bundle, document, call)


def missing_inputs(template: Template, arguments: tuple[Parameter, ...]) -> list[str]:
    """The inputs that have neither a value of their own, nor a default, nor an argument."""
    given = {argument.name for argument in arguments}
    return [
        parameter.name
        for parameter in template.inputs
        if parameter.name not in given
        and parameter.value is None
        and parameter.default is None
        and parameter.value_from is None
    ]


def _entrypoint(bundle: Bundle, document: Document) -> Iterator[Diagnostic]:
    try:
        effective = bundle.effective(document)
        if effective.entrypoint:
            effective.template(effective.entrypoint)
        elif document.kind is Kind.WORKFLOW:
            yield _error("no-entrypoint", document.source, f"{document.title} has no entrypoint")
    except UnresolvedReference as error:
        yield _error("unresolved", document.source, str(error))


def _call(bundle: Bundle, document: Document, call: Call) -> Iterator[Diagnostic]:
    if call.template_ref is not None and call.template_ref.dynamic:
        return
    try:
        _, template = bundle.resolve(document, call)
    except UnresolvedReference as error:
        yield _error("unresolved", call.source, f"{call.name}: {error}")
        return
    for name in missing_inputs(template, call.arguments):
        yield _error(
            "argument-missing", call.source, f"{call.name}: {template.name} needs the input {name!r}"
        )
    inputs = {parameter.name for parameter in template.inputs}
    for argument in call.arguments:
        if argument.name not in inputs:
            yield Diagnostic(
                "argument-unknown",
                Severity.WARNING,
                argument.source,
                f"{call.name}: {template.name} has no input {argument.name!r}; Argo drops it",
            )


def _error(code: str, source: Source, message: str) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, source, message)
