"""Inputs, outputs and arguments."""

from __future__ import annotations

from argo_flow.graph.source import Raw
from argo_flow.graph.templates import Parameter, ValueFrom
from argo_flow.parse import keys
from argo_flow.parse.fields import Fields, Report, any_text_of
from argo_flow.parse.tree import Node


def read_parameters(
    parent: Fields, key: str, known: frozenset[str]
) -> tuple[tuple[Parameter, ...], dict[str, Raw]]:
    """The parameters below `parent.key`, and what else is there, named as `key.name`."""
    fields = parent.fields(key)
    if fields is None:
        return (), {}
    parameters = fields.sequence("parameters", lambda node, path: _parameter(node, path, fields.report))
    return parameters, {f"{key}.{name}": raw for name, raw in fields.rest(known).items()}


def _parameter(node: Node, path: str, report: Report) -> Parameter:
    fields = Fields(node, path, report)
    name = fields.text("name")
    if not name:
        report.error("missing-name", node.line, f"{path} has no name")
    parameter = Parameter(
        name=name or "",
        source=fields.source,
        value=fields.any_text("value"),
        default=fields.any_text("default"),
        enum=_enum(fields),
        value_from=_value_from(fields),
        global_name=fields.text("globalName"),
        description=fields.text("description"),
    )
    fields.rest(frozenset())
    return parameter


def _enum(fields: Fields) -> tuple[str, ...]:
    return fields.sequence("enum", lambda node, path: any_text_of(node, path, fields.report) or "")


def _value_from(parent: Fields) -> ValueFrom | None:
    fields = parent.fields("valueFrom")
    if fields is None:
        return None
    supplied = "supplied" in fields
    fields.take("supplied")
    return ValueFrom(
        path=fields.text("path"),
        parameter=fields.text("parameter"),
        expression=fields.text("expression"),
        default=fields.any_text("default"),
        supplied=supplied,
        extra=fields.rest(keys.VALUE_FROM),
    )
