"""The variables that `{{…}}` can name while a workflow runs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from argo_flow.graph.logic import ExpressionError
from argo_flow.graph.output_expression import evaluate_output_expression
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.tags import SubstitutionError, sole_tag, substitute
from argo_flow.graph.templates import Parameter, Template
from argo_flow.local.clock import rfc3339
from argo_flow.local.nodes import NodeStatus
from argo_flow.local.state import Run

Variables = dict[str, str | None]


def workflow_variables(run: Run) -> Variables:
    document = run.document
    variables: Variables = {
        "workflow.name": run.name,
        "workflow.namespace": run.namespace,
        "workflow.uid": run.uid,
        "workflow.mainEntrypoint": run.entrypoint,
        "workflow.serviceAccountName": "default",
        "workflow.creationTimestamp": rfc3339(run.started_at),
        "workflow.creationTimestamp.RFC3339": rfc3339(run.started_at),
    }
    for kind, values in (("labels", document.labels), ("annotations", document.annotations)):
        variables[f"workflow.{kind}.json"] = json.dumps(dict(values))
        variables |= {f"workflow.{kind}.{name}": value for name, value in values.items()}
    listed = json.dumps([{"name": name, "value": value} for name, value in run.parameters.items()])
    variables |= {"workflow.parameters": listed, "workflow.parameters.json": listed}
    return variables | {f"workflow.parameters.{name}": value for name, value in run.parameters.items()}


def input_variables(template: Template, arguments: Mapping[str, str]) -> Variables:
    """The template's inputs: arguments, else their own values, else defaults. Raises SubstitutionError."""
    variables: Variables = {}
    for parameter in template.inputs:
        own = parameter.value if parameter.value is not None else parameter.default
        value = arguments.get(parameter.name, own)
        if value is None:
            raise SubstitutionError(f"inputs.parameters.{parameter.name} was not supplied")
        variables[f"inputs.parameters.{parameter.name}"] = value
    listed = [{"name": name.removeprefix("inputs.parameters."), "value": v} for name, v in variables.items()]
    variables["inputs.parameters"] = json.dumps(listed)
    for output in template.outputs:
        if output.value_from and output.value_from.path:
            variables[f"outputs.parameters.{output.name}.path"] = output.value_from.path
    return variables


def call_variables(prefix: str, call: str, node: NodeStatus, outputs: tuple[Parameter, ...]) -> Variables:
    """What others may know of a node that is over: `steps.<call>.…` or `tasks.<call>.…`.

    A skipped or omitted node has the defaults of its template's outputs; those without are absent (None).
    """
    own = f"{prefix}.{call}"
    facts: Variables = {
        f"{own}.id": node.id,
        f"{own}.status": node.phase.value,
        f"{own}.startedAt": rfc3339(node.started_at),
        f"{own}.finishedAt": rfc3339(node.finished_at or node.started_at),
    }
    if node.phase in (NodePhase.SKIPPED, NodePhase.OMITTED):
        for output in outputs:
            default = output.value_from.default if output.value_from else None
            facts[f"{own}.outputs.parameters.{output.name}"] = default
        return facts | {f"{own}.outputs.result": None}
    if node.outputs.exit_code is not None:
        facts[f"{own}.exitCode"] = node.outputs.exit_code
    if node.outputs.result is not None:
        facts[f"{own}.outputs.result"] = node.outputs.result
    return facts | {f"{own}.outputs.parameters.{name}": v for name, v in node.outputs.parameters.items()}


def argument_values(
    arguments: tuple[Parameter, ...], template: Template, variables: Mapping[str, str | None]
) -> dict[str, str]:
    """The values of a call's arguments. Raises SubstitutionError.

    An argument that is nothing but an absent output gives way to the default of the input it is for.
    """
    defaults = {parameter.name for parameter in template.inputs if parameter.default is not None}
    values: dict[str, str] = {}
    for argument in arguments:
        text = argument.value or ""
        tag = sole_tag(text)
        absent = tag is not None and variables.get(tag.name, "") is None
        if not (absent and argument.name in defaults):
            values[argument.name] = substitute(text, variables)
    return values


def composite_outputs(template: Template, variables: Mapping[str, str | None]) -> dict[str, str]:
    """The outputs of a steps or dag template. Raises SubstitutionError."""
    return {output.name: _composite_output(output, variables) for output in template.outputs}


def _expressed(expression: str, variables: Mapping[str, str | None]) -> str:
    try:
        return evaluate_output_expression(expression, variables)
    except ExpressionError as error:
        raise SubstitutionError(f"failed to evaluate expression {expression!r}: {error}") from None


def _composite_output(output: Parameter, variables: Mapping[str, str | None]) -> str:
    source = output.value_from
    try:
        if source is not None and source.expression is not None:
            return _expressed(source.expression, variables)
        return substitute((source.parameter if source else output.value) or "", variables)
    except SubstitutionError:
        if source is not None and source.default is not None:
            return source.default
        raise
