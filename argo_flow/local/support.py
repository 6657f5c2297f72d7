"""What the local runner can do. Everything it would have to leave out is named before anything is started.

Keys that only matter to Kubernetes are left aside; a key in none of the lists here is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from argo_flow.graph.bundle import Bundle, Document
from argo_flow.graph.logic import ExpressionError
from argo_flow.graph.output_expression import parse_output_expression
from argo_flow.graph.retry_expression import parse_retry_expression
from argo_flow.graph.source import Diagnostic, Json, Raw, Severity, Source
from argo_flow.graph.tags import tags
from argo_flow.graph.templates import Container, Opaque, Parameter, Script, Suspend, Template


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PLACEMENT = _words(
    "affinity automountServiceAccountToken executor hostAliases metrics nodeSelector podResources priority"
    " priorityClassName schedulerName securityContext serviceAccountName tolerations volumes"
)
_SPEC = _PLACEMENT | _words(
    "archiveLogs artifactGC artifactRepositoryRef dnsConfig dnsPolicy hostNetwork imagePullSecrets"
    " podDisruptionBudget podGC podMetadata podPriority podPriorityClassName status ttlStrategy volumeClaimGC"
    " workflowMetadata"
)
_TEMPLATE = _PLACEMENT | _words("annotations archiveLocation failFast metadata pendingTimeout")
_CONTAINER = _words(
    "imagePullPolicy name ports resizePolicy resources restartPolicy securityContext stdin stdinOnce"
    " terminationMessagePath terminationMessagePolicy tty volumeMounts"
)


def unsupported(
    bundle: Bundle, document: Document, start: Template, overridden: frozenset[str]
) -> tuple[Diagnostic, ...]:
    """Everything that running `start` would need and the local runner has not.

    Args:
        overridden: names of environment variables whose values the caller gives.
    """
    findings = [*_document(document)]
    for _, template in bundle.reachable(document, start):
        findings += _template(template, overridden)
    return tuple(dict.fromkeys(findings))


def _document(document: Document) -> Iterator[Diagnostic]:
    yield from _keys(document.extra, _SPEC, "")
    yield from _volumes(document.extra)
    for parameter in document.arguments:
        yield from _parameter(parameter, f"arguments.parameters.{parameter.name}", of_outputs=False)


def _template(template: Template, overridden: frozenset[str]) -> Iterator[Diagnostic]:
    yield from _keys(template.extra, _TEMPLATE, "")
    yield from _volumes(template.extra)
    yield from _body(template, overridden)
    yield from _retries(template)
    for parameter in template.inputs:
        yield from _parameter(parameter, f"inputs.parameters.{parameter.name}", of_outputs=False)
    for parameter in template.outputs:
        yield from _parameter(parameter, f"outputs.parameters.{parameter.name}", of_outputs=True)
    for call in template.calls:
        yield from _keys(call.extra, frozenset(), f"{call.name}: ")
        for argument in call.arguments:
            yield from _parameter(argument, f"{call.name}: {argument.name}", of_outputs=False)
    for tagged in template.tagged:
        if any(tag.expression for tag in tags(tagged.text)):
            yield _refuse(f"the expression tag at {tagged.path}", tagged.source)


def _body(template: Template, overridden: frozenset[str]) -> Iterator[Diagnostic]:
    match template.body:
        case Opaque(kind):
            yield _refuse(f"{kind} templates ({template.name})", template.source)
        case Suspend(None):
            yield _refuse(f"suspend without a duration ({template.name})", template.source)
        case Container() as container:
            yield from _container(template, container, overridden)
        case Script(container):
            yield from _container(template, container, overridden)


def _container(template: Template, container: Container, overridden: frozenset[str]) -> Iterator[Diagnostic]:
    yield from _keys(container.extra, _CONTAINER, "container.")
    if not container.command:
        yield _refuse(
            f"a container without a command ({template.name}): its image is not opened", template.source
        )
    for variable in container.env:
        if variable.extra and variable.name not in overridden:
            yield _refuse(
                f"env {variable.name} with valueFrom (give it a value of your own)", variable.source
            )


def _retries(template: Template) -> Iterator[Diagnostic]:
    strategy = template.retry_strategy
    if strategy is None or not strategy.expression or "{{" in strategy.expression:
        return
    try:
        parse_retry_expression(strategy.expression)
    except ExpressionError as error:
        yield _refuse(f"retryStrategy.expression of {template.name} ({error})", strategy.source)


def _parameter(parameter: Parameter, where: str, *, of_outputs: bool) -> Iterator[Diagnostic]:
    if parameter.global_name:
        yield _refuse(f"globalName of {where}", parameter.source)
    source = parameter.value_from
    if source is None:
        return
    if not of_outputs:
        yield _refuse(f"valueFrom of {where}", parameter.source)
    if source.expression is not None:
        try:
            parse_output_expression(source.expression)
        except ExpressionError as error:
            yield _refuse(f"valueFrom.expression of {where} ({error})", parameter.source)
    for key, raw in source.extra.items():
        yield _refuse(f"valueFrom.{key} of {where}", raw.source)


def _keys(extra: Mapping[str, Raw], harmless: frozenset[str], where: str) -> Iterator[Diagnostic]:
    for key, raw in extra.items():
        if key not in harmless and not key.startswith("metadata."):
            yield _refuse(f"{where}{key}", raw.source)


def _volumes(extra: Mapping[str, Raw]) -> Iterator[Diagnostic]:
    """An empty directory is the sandbox; a service account's token is nothing a local process gets."""
    raw = extra.get("volumes")
    for volume in raw.value if raw is not None and isinstance(raw.value, list) else []:
        if raw is not None and not _is_private(volume):
            name = volume.get("name") if isinstance(volume, dict) else volume
            yield _refuse(f"the volume {name}", raw.source)


def _is_private(volume: Json) -> bool:
    if not isinstance(volume, dict):
        return False
    projected = volume.get("projected")
    sources = projected.get("sources") if isinstance(projected, dict) else None
    tokens = isinstance(sources, list) and all(
        isinstance(source, dict) and list(source) == ["serviceAccountToken"] for source in sources
    )
    return "emptyDir" in volume or tokens


def _refuse(what: str, source: Source) -> Diagnostic:
    return Diagnostic("not-local", Severity.ERROR, source, f"not supported locally: {what}")
