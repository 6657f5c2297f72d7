"""From the content of a template to a start request: what the plugin and the agent are given by Argo.

Argo fills templates with text, so every value may be a string, and an empty one counts as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bridge.argo.keys import PLUGIN
from bridge.steps.request import StartRequest, invalid_field
from crossover.contract.durations import parse_duration
from crossover.errors import InvalidField, InvalidRequest
from crossover.strict_json import parse_json

_PLAIN = ("app", "workflow_type", "task_queue", "trace_id", "on_cancel", "cancel_grace", "scope")
_KEYS = frozenset({*_PLAIN, "input", "input_params", "node", "retries", "timeout", "outputs", "decision"})


@dataclass(frozen=True, slots=True)
class Workflow:
    """Whose task it is."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Task:
    """One node that Argo has handed over.

    Args:
        declared: the output parameters that the template promises.
    """

    request: StartRequest
    declared: frozenset[str]


def is_ours(template: Mapping[str, Any]) -> bool:
    """Whether the template is for us: other plugins' tasks are theirs."""
    plugin = template.get("plugin")
    return isinstance(plugin, Mapping) and PLUGIN in plugin


def read_task(workflow: Workflow, template: Mapping[str, Any], *, node: str | None = None) -> Task:
    """What the template asks for. `node`: the node's name, where the template gives none.

    Raises InvalidField: it names `plugin.crossover.<key>` and what to do.
    """
    content = template["plugin"][PLUGIN]
    if not isinstance(content, Mapping):
        raise InvalidField(f"plugin.{PLUGIN}: must be an object.", field=f"plugin.{PLUGIN}")
    if unknown := sorted(set(map(str, content)) - _KEYS):
        raise _wrong(unknown[0][:64], f"is unknown; there are {', '.join(sorted(_KEYS))}")
    given = {key: value for key, value in content.items() if value not in ("", None)}
    declared = _declared(template)
    request = {key: given[key] for key in _PLAIN if key in given}
    request |= {
        "argo": _argo(workflow, given, node),
        "input": _input(given),
        "execution_timeout": _timeout(given.get("timeout"), template.get("timeout")),
        "outputs": _outputs(given.get("outputs")),
        "decision": _object("decision", given["decision"]) if "decision" in given else None,
    }
    try:
        return Task(StartRequest.model_validate(request), declared)
    except ValidationError as error:
        raise _in_our_words(invalid_field(error)) from None


def _argo(workflow: Workflow, given: Mapping[str, Any], node: str | None) -> dict[str, Any]:
    name = given.get("node", node)
    if not isinstance(name, str):
        raise _wrong("node", 'is missing: write "{{node.name}}"')
    return {
        "namespace": workflow.namespace,
        "workflow": workflow.name,
        "uid": workflow.uid,
        "node_name": name,
        "retries": _retries(given.get("retries", 0)),
    }


def _retries(value: Any) -> int:
    """`{{retries}}` stays as it is where there is no retryStrategy: Argo knows no such variable then."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if value == "{{retries}}":
        return 0
    raise _wrong("retries", 'must be a whole number: write "{{retries}}"')


def _input(given: Mapping[str, Any]) -> dict[str, Any]:
    value = _object("input", given.get("input", {}))
    return value | _pairs("input_params", given.get("input_params", ""))


def _outputs(value: Any) -> Any:
    return _pairs("outputs", value) if isinstance(value, str) else value


def _pairs(key: str, text: Any) -> dict[str, str]:
    """KEY=VALUE lines."""
    if not isinstance(text, str):
        raise _wrong(key, "must be text of KEY=VALUE lines")
    pairs: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        name, equals, value = line.partition("=")
        if not equals or not name:
            raise _wrong(key, "must have KEY=VALUE on each line")
        pairs[name.strip()] = value
    return pairs


def _object(key: str, value: Any) -> dict[str, Any]:
    """An object, or text that holds one."""
    if isinstance(value, str):
        try:
            value = parse_json(value.encode())
        except (InvalidRequest, UnicodeEncodeError) as error:
            why = error.detail if isinstance(error, InvalidRequest) else "it is no text"
            raise _wrong(key, f"is not a JSON object: {why}") from None
    if not isinstance(value, Mapping):
        raise _wrong(key, "must be a JSON object")
    return dict(value)


def _timeout(asked: Any, of_template: Any) -> float | None:
    """Seconds; the shorter of the two, so that no run outlives its node. Argo's own words for the second."""
    found = [_seconds(key, value) for key, value in (("timeout", asked), (None, of_template)) if value]
    return max(1.0, min(found)) if found else None


def _seconds(key: str | None, value: Any) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        if key is None:
            raise InvalidField(f"timeout: {error}.", field="timeout") from None
        raise _wrong(key, str(error)) from None


def _declared(template: Mapping[str, Any]) -> frozenset[str]:
    outputs = template.get("outputs")
    parameters = outputs.get("parameters") if isinstance(outputs, Mapping) else None
    listed = parameters if isinstance(parameters, list) else []
    return frozenset(str(each["name"]) for each in listed if isinstance(each, Mapping) and "name" in each)


def _wrong(key: str, words: str) -> InvalidField:
    return InvalidField(f"plugin.{PLUGIN}.{key}: {words}.", field=f"plugin.{PLUGIN}.{key}")


def _in_our_words(error: InvalidField) -> InvalidField:
    """The start request's field, as the template's author knows it."""
    field = (error.field or "").removeprefix("argo.").replace("node_name", "node")
    return InvalidField(f"plugin.{PLUGIN}.{error.detail}", field=f"plugin.{PLUGIN}.{field}")
