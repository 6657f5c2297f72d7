"""Whether every `{{…}}` has a value where it stands.

Source: argo-workflows docs/variables.md. Of an expression, every variable it names is looked at, not what is
done with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from argo_flow.check.expressions import variables_of
from argo_flow.graph.bundle import Bundle, Document, Kind, UnresolvedReference
from argo_flow.graph.dag import ancestors
from argo_flow.graph.source import Diagnostic, Raw, Severity
from argo_flow.graph.tags import tags
from argo_flow.graph.templates import Call, Dag, Parameter, Steps, Tagged, Template

_CALL_PATH = re.compile(
    r"(?:dag\.tasks\[(?P<task>\d+)\]|steps\[(?P<group>\d+)\]\[(?P<step>\d+)\])(?P<rest>.*)"
)

_WORKFLOW = re.compile(
    r"workflow\.(?:name|namespace|uid|serviceAccountName|mainEntrypoint|creationTimestamp(?:\..+)?|priority"
    r"|duration|scheduledTime|status|failures|parameters(?:\.json)?|(?:labels|annotations)(?:\..+)?"
    r"|outputs\.(?:parameters|artifacts)\..+)"
)
_CALL_FACTS = ("id", "ip", "status", "exitCode", "startedAt", "finishedAt", "hostNodeName", "outputs.result")
_DYNAMIC_FACTS = ("id", "startedAt", "finishedAt", "hostNodeName")
"""All that Argo's validation knows of a call whose template it cannot know (validate.go, addOutputsToScope);
the outputs are within reach of a `valueFrom.expression` only."""

_METRICS = re.compile(r"status|duration|exitCode|retries|resourcesDuration\..+|outputs\..+")


def check_variables(bundle: Bundle, document: Document, template: Template) -> Iterator[Diagnostic]:
    for tagged in template.tagged:
        if ".inline." in tagged.path:
            continue  # an inline template is a scope of its own
        for name in _names(tagged.text):
            if not _known(bundle, document, template, tagged, name):
                yield _unknown(document, template, tagged, name)
    for output in template.outputs:
        yield from _output(bundle, document, template, output)
    for call in template.calls:
        if call.inline is not None:
            yield from check_variables(bundle, document, call.inline)


def _names(text: str) -> Iterator[str]:
    for tag in tags(text):
        if tag.expression:
            yield from variables_of(tag.name)
        elif tag.is_argos and "{{" not in tag.name:
            yield tag.name


def _output(
    bundle: Bundle, document: Document, template: Template, output: Parameter
) -> Iterator[Diagnostic]:
    """`valueFrom.expression` has no tag around it, and also sees what dynamic references put out."""
    if output.value_from is None or output.value_from.expression is None:
        return
    place = Tagged(
        f"outputs.parameters.{output.name}.valueFrom.expression", output.value_from.expression, output.source
    )
    dynamic = [c for c in template.calls if c.template_ref is not None and c.template_ref.dynamic]
    for name in variables_of(place.text):
        of_dynamic = any(name.startswith((f"steps.{c.name}.", f"tasks.{c.name}.")) for c in dynamic)
        if not of_dynamic and not _known(bundle, document, template, place, name):
            yield _unknown(document, template, place, name)


def _unknown(document: Document, template: Template, tagged: Tagged, name: str) -> Diagnostic:
    return Diagnostic(
        "unknown-variable",
        _severity(document, name),
        tagged.source,
        f"{template.name}: {{{{{name}}}}} has no value at {tagged.path}",
    )


def _severity(document: Document, name: str) -> Severity:
    """A WorkflowTemplate's workflow may have parameters that no file here says."""
    from_elsewhere = document.kind is not Kind.WORKFLOW and name.startswith("workflow.parameters.")
    return Severity.WARNING if from_elsewhere else Severity.ERROR


def _known(bundle: Bundle, document: Document, template: Template, tagged: Tagged, name: str) -> bool:
    if name.startswith("workflow.parameters."):
        return _is_workflow_parameter(bundle, document, name)
    if name.startswith("workflow."):
        return _WORKFLOW.fullmatch(name) is not None
    if name.startswith("inputs."):
        return name == "inputs.parameters" or name in _inputs(template)
    if tagged.path.startswith("metrics.") and _METRICS.fullmatch(name):
        return True
    if name in ("steps.name", "tasks.name", "node.name", "pod.name"):
        return True
    if name.split(".")[0] in ("retries", "lastRetry"):
        return template.retry_strategy is not None
    if name.startswith("outputs."):
        return name.endswith(".path")
    return _known_to_call(bundle, document, template, tagged, name)


def _known_to_call(bundle: Bundle, document: Document, template: Template, tagged: Tagged, name: str) -> bool:
    match = _CALL_PATH.match(tagged.path)
    if match is None:
        return tagged.path.startswith("outputs.") and _is_fact(bundle, document, template.calls, name)
    call, before = _call_and_before(template, match)
    if name.split(".")[0] == "item":
        return bool(call.extra.keys() & {"withItems", "withParam", "withSequence"})
    if match["rest"].startswith((".hooks", ".onExit")):
        before = (*before, call)
    return _is_fact(bundle, document, before, name)


def _call_and_before(template: Template, match: re.Match[str]) -> tuple[Call, tuple[Call, ...]]:
    """The call site that a text belongs to, and those that are over before it."""
    match template.body:
        case Dag(tasks=tasks) as dag:
            call = tasks[int(match["task"])]
            earlier = ancestors(dag, call.name)
            return call, tuple(task for task in tasks if task.name in earlier)
        case Steps(groups):
            group = int(match["group"])
            return groups[group][int(match["step"])], tuple(
                step for steps in groups[:group] for step in steps
            )
    raise TypeError(f"{template.name} has no call sites")


def _is_fact(bundle: Bundle, document: Document, calls: tuple[Call, ...], name: str) -> bool:
    prefix, _, rest = name.partition(".")
    for call in calls:
        if prefix in ("steps", "tasks") and rest.startswith(call.name + "."):
            return _has_fact(bundle, document, call, rest[len(call.name) + 1 :])
    return False


def _has_fact(bundle: Bundle, document: Document, call: Call, fact: str) -> bool:
    if call.template_ref is not None and call.template_ref.dynamic:
        return fact in _DYNAMIC_FACTS
    if fact in _CALL_FACTS or fact == "outputs.parameters":
        return True
    try:
        _, target = bundle.resolve(document, call)
    except UnresolvedReference:
        return True  # reported once, as unresolved
    declared = {f"outputs.parameters.{output.name}" for output in target.outputs}
    return fact in declared | {f"outputs.artifacts.{name}" for name in _artifacts(target.extra, "outputs")}


def _inputs(template: Template) -> set[str]:
    names = {f"inputs.parameters.{parameter.name}" for parameter in template.inputs}
    for artifact in _artifacts(template.extra, "inputs"):
        names |= {f"inputs.artifacts.{artifact}", f"inputs.artifacts.{artifact}.path"}
    return names


def _artifacts(extra: Mapping[str, Raw], side: str) -> list[str]:
    raw = extra.get(f"{side}.artifacts")
    items = raw.value if raw is not None and isinstance(raw.value, list) else []
    return [str(item.get("name")) for item in items if isinstance(item, dict)]


def _is_workflow_parameter(bundle: Bundle, document: Document, name: str) -> bool:
    """A WorkflowTemplate may use the parameters of whichever workflow runs it."""
    sources = [document]
    if document.kind is not Kind.WORKFLOW:
        sources += [other for other in bundle.documents if other.kind is Kind.WORKFLOW]
    declared: set[str] = {"workflow.parameters.json"}
    for source in sources:
        try:
            arguments = bundle.effective(source).arguments
        except UnresolvedReference:
            arguments = source.arguments
        declared |= {f"workflow.parameters.{argument.name}" for argument in arguments}
    return name in declared
