"""One template of a document."""

from __future__ import annotations

from argo_flow.graph.source import Raw
from argo_flow.graph.templates import (
    Body,
    Container,
    EnvVar,
    Opaque,
    Script,
    Suspend,
    Tagged,
    Template,
)
from argo_flow.parse import keys
from argo_flow.parse.calls import read_dag, read_steps
from argo_flow.parse.fields import Fields, Report, plain_value, scalars
from argo_flow.parse.parameters import read_parameters
from argo_flow.parse.retries import read_retry_strategy
from argo_flow.parse.tree import Node

BODIES = ("container", "script", "suspend", "steps", "dag", *keys.OPAQUE)


def read_template(node: Node, path: str, report: Report, *, named: bool = True) -> Template:
    """`named` is False for an inline template, which has no name of its own."""
    fields = Fields(node, path, report)
    name = fields.text("name") or ""
    if named and not name:
        report.error("missing-name", node.line, f"{path} has no name")
    inputs, more_inputs = read_parameters(fields, "inputs", keys.INPUTS)
    outputs, more_outputs = read_parameters(fields, "outputs", keys.OUTPUTS_STATUS)
    template = Template(
        name=name,
        source=fields.source,
        body=_body(fields),
        inputs=inputs,
        outputs=outputs,
        retry_strategy=read_retry_strategy(fields),
        timeout=fields.text("timeout"),
        active_deadline_seconds=fields.any_text("activeDeadlineSeconds"),
        extra={**fields.rest(keys.TEMPLATE), **more_inputs, **more_outputs},
        tagged=_tagged(node, report),
    )
    _check_deadlines(template, fields)
    return template


def _body(fields: Fields) -> Body:
    present = [kind for kind in BODIES if kind in fields]
    if len(present) != 1:
        what = ", ".join(present) or "none"
        for kind in present:
            fields.take(kind)
        fields.report.error(
            "template-kind", fields.line, f"{fields.path} needs one of {', '.join(BODIES)}; it has {what}"
        )
    match present[0] if present else "":
        case "container":
            return _container(fields.fields("container"))
        case "script":
            return _script(fields)
        case "suspend":
            return _suspend(fields.fields("suspend"))
        case "steps":
            return read_steps(fields, _read_inline)
        case "dag":
            return read_dag(fields, _read_inline)
        case kind:
            return _opaque(kind, fields)


def _opaque(kind: str, fields: Fields) -> Opaque:
    node = fields.take(kind)
    if node is not None and kind == "http":
        Fields(node, f"{fields.path}.http", fields.report).rest(keys.HTTP)
    if node is not None and kind == "plugin":
        _check_plugin(Fields(node, f"{fields.path}.plugin", fields.report))
    return Opaque(kind, Raw(plain_value(node) if node else None, fields.source))


def _check_plugin(fields: Fields) -> None:
    """Argo refuses all but one key: the plugin's name (argo-workflows pkg/.../plugin_types.go)."""
    if len(names := list(fields.names())) != 1:
        has = ", ".join(names) or "none"
        fields.report.error(
            "plugin-name", fields.line, f"{fields.path} needs one plugin's name; it has {has}"
        )


def _read_inline(node: Node, path: str, report: Report) -> Template:
    return read_template(node, path, report, named=False)


def _script(parent: Fields) -> Script:
    fields = parent.fields("script")
    text = fields.text("source") if fields else None
    return Script(_container(fields), text or "")


def _suspend(fields: Fields | None) -> Suspend:
    if fields is None:
        return Suspend(None)
    suspend = Suspend(fields.any_text("duration"))
    fields.rest(frozenset())
    return suspend


def _container(fields: Fields | None) -> Container:
    if fields is None:
        return Container(None)
    return Container(
        image=fields.text("image"),
        command=fields.texts("command"),
        args=fields.texts("args"),
        env=fields.sequence("env", lambda node, path: _env(node, path, fields.report)),
        working_dir=fields.text("workingDir"),
        extra=fields.rest(keys.CONTAINER),
    )


def _env(node: Node, path: str, report: Report) -> EnvVar:
    fields = Fields(node, path, report)
    return EnvVar(
        name=fields.text("name") or "",
        source=fields.source,
        value=fields.text("value"),
        extra=fields.rest(keys.ENV),
    )


def _tagged(node: Node, report: Report) -> tuple[Tagged, ...]:
    return tuple(
        Tagged(path, scalar.text, report.source(scalar))
        for path, scalar in scalars(node, "")
        if "{{" in scalar.text
    )


def _check_deadlines(template: Template, fields: Fields) -> None:
    """Argo refuses these too (argo-workflows workflow/validate/validate.go)."""
    composite = bool(template.calls)
    for key, value in (
        ("timeout", template.timeout),
        ("activeDeadlineSeconds", template.active_deadline_seconds),
    ):
        if composite and value is not None:
            fields.report.error(
                "deadline", fields.line, f"{fields.path}.{key} is not for steps and dag templates"
            )
    if template.timeout and template.timeout.isdigit():
        fields.report.error(
            "deadline", fields.line, f"{fields.path}.timeout needs a unit: {template.timeout}s"
        )
