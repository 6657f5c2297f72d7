"""Call sites: the steps of a group and the tasks of a DAG.

`inline` is a template inside a call; whoever reads templates passes the function that reads those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from argo_flow.graph.depends import Depends, parse_depends
from argo_flow.graph.logic import ExpressionError
from argo_flow.graph.templates import Call, ContinueOn, Dag, Steps, Template, TemplateRef
from argo_flow.parse import keys
from argo_flow.parse.fields import Fields, Report
from argo_flow.parse.parameters import read_parameters
from argo_flow.parse.tree import Node, Sequence

ReadInline: TypeAlias = Callable[[Node, str, Report], Template]


def read_steps(parent: Fields, inline: ReadInline) -> Steps:
    def group(node: Node, path: str) -> tuple[Call, ...]:
        if not isinstance(node, Sequence):
            parent.report.error("wrong-type", node.line, f"{path} must be a list of steps (- - name: …)")
            return ()
        return tuple(
            _call(item, f"{path}[{index}]", parent.report, inline, in_dag=False)
            for index, item in enumerate(node.items)
        )

    return Steps(parent.sequence("steps", group))


def read_dag(parent: Fields, inline: ReadInline) -> Dag:
    fields = parent.fields("dag")
    if fields is None:
        return Dag(())
    fail_fast = fields.boolean("failFast")
    dag = Dag(
        tasks=fields.sequence(
            "tasks", lambda node, path: _call(node, path, fields.report, inline, in_dag=True)
        ),
        targets=tuple((fields.text("target") or "").split()),
        fail_fast=True if fail_fast is None else fail_fast,
    )
    fields.rest(frozenset())
    return dag


def _call(node: Node, path: str, report: Report, inline: ReadInline, *, in_dag: bool) -> Call:
    fields = Fields(node, path, report)
    arguments, other = read_parameters(fields, "arguments", keys.ARGUMENTS)
    call = Call(
        name=fields.text("name") or "",
        source=fields.source,
        template=fields.text("template"),
        template_ref=_template_ref(fields),
        inline=_inline(fields, inline),
        arguments=arguments,
        when=fields.text("when"),
        depends=_depends(fields) if in_dag else None,
        dependencies=fields.texts("dependencies") if in_dag else (),
        continue_on=_continue_on(fields),
        extra={**fields.rest(keys.CALL), **other},
    )
    if not call.name:
        report.error("missing-name", node.line, f"{path} has no name")
    if [call.template, call.template_ref, call.inline].count(None) != 2:
        report.error("call-target", node.line, f"{path} needs one of template, templateRef and inline")
    return call


def _template_ref(parent: Fields) -> TemplateRef | None:
    fields = parent.fields("templateRef")
    if fields is None:
        return None
    reference = TemplateRef(
        name=fields.text("name") or "",
        template=fields.text("template") or "",
        cluster_scope=bool(fields.boolean("clusterScope")),
        source=fields.source,
    )
    fields.rest(frozenset())
    return reference


def _inline(fields: Fields, read: ReadInline) -> Template | None:
    node = fields.take("inline")
    return None if node is None else read(node, f"{fields.path}.inline", fields.report)


def _depends(fields: Fields) -> Depends | None:
    text = fields.text("depends")
    if not text:
        return None
    try:
        return parse_depends(text)
    except ExpressionError as error:
        fields.report.error("depends", fields.line, f"{fields.path}.depends {text!r}: {error}")
        return None


def _continue_on(parent: Fields) -> ContinueOn | None:
    fields = parent.fields("continueOn")
    if fields is None:
        return None
    value = ContinueOn(error=bool(fields.boolean("error")), failed=bool(fields.boolean("failed")))
    fields.rest(frozenset())
    return value
