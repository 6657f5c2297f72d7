"""A shipped template with other values in it. Pure.

The text is changed in place, so that its comments and its order stay: tests hold what that relies on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

BRIDGE = "http://crossover-bridge.crossover:8787"
IMAGE = "image: crossover:latest"
SECRET = "secretKeyRef: {name: crossover-token,"  # noqa: S105  # a Secret's name, and no secret
_REFERENCE = re.compile(r"(templateRef:? \{name: crossover-[\w-]+, template: \w+)\}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be other than shipped; None stays. `defaults` are those of parameters, by name."""

    name: str | None = None
    namespace: str | None = None
    cluster: bool = False
    image: str | None = None
    secret: str | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)


def rendered(text: str, template: str, wanted: Wanted) -> str:
    """`text`, the WorkflowTemplate named `template`, as it is wanted."""
    for parameter, value in wanted.defaults.items():
        text = _with_bridge(text, value) if parameter == "bridge" else _with_default(text, parameter, value)
    if wanted.image:
        text = text.replace(IMAGE, f"image: {wanted.image}")
    if wanted.secret:
        text = text.replace(SECRET, f"secretKeyRef: {{name: {wanted.secret},")
    if wanted.cluster:
        text = _of_cluster(text)
    name = wanted.name or template
    text = re.sub(rf"\bname: {template}(?![\w.-])", lambda _: f"name: {name}", text)
    return _in_namespace(text, name, wanted.namespace) if wanted.namespace else text


def _with_default(text: str, parameter: str, value: str) -> str:
    """The first template's parameters come first, and are the ones that callers set."""
    block = rf"^(?P<indent> +)- name: {re.escape(parameter)}\n(?:(?P=indent)  .*\n)*"
    return re.sub(block, lambda found: _block(found, value), text, count=1, flags=re.MULTILINE)


def _block(found: re.Match[str], value: str) -> str:
    """JSON's strings are YAML's too."""
    line = f"{found['indent']}  default: {json.dumps(value, ensure_ascii=False)}\n"
    block, replaced = re.subn(r"^ +default: .*\n", lambda _: line, found[0], flags=re.MULTILINE)
    return block if replaced else found[0] + line


def _with_bridge(text: str, value: str) -> str:
    """In every template of the file: some can be called by themselves."""
    return text.replace(f"default: {BRIDGE}", f"default: {json.dumps(value)}")


def _of_cluster(text: str) -> str:
    text = text.replace("kind: WorkflowTemplate\n", "kind: ClusterWorkflowTemplate\n")
    return _REFERENCE.sub(r"\1, clusterScope: true}", text)


def _in_namespace(text: str, name: str, namespace: str) -> str:
    head = f"metadata:\n  name: {name}\n"
    return text.replace(head, f"{head}  namespace: {namespace}\n", 1)
