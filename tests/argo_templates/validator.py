"""What can be said about the shipped YAML without a cluster, as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from argo_flow.check import check_bundle
from argo_flow.graph.bundle import Bundle, Document
from argo_flow.graph.templates import Opaque, Template
from argo_flow.parse import parse_texts
from bridge.argo.keys import PLUGIN
from bridge.argo.task import Workflow, read_task
from crossover.errors import InvalidField

_REFERENCE = re.compile(r"secretKeyRef: \{name: ([\w.-]+)")
FILLED = {"timeout": "1h", "cancel_grace": "30s", "scope": "node", "on_cancel": "cancel", "retries": "0"}
"""Values of a task's content that the bridge checks; any other text will do for the rest."""


def findings(texts: Mapping[str, str], readme: str) -> list[str]:
    """All that is wrong with the files; `readme` has to make the Secrets that they do not bring."""
    bundle = parse_texts(texts)
    objects = [each for text in texts.values() for each in yaml.safe_load_all(text) if each]
    return [
        *(str(each) for each in check_bundle(bundle) if each.code != "other-kind"),
        *_tasks(bundle),
        *_accounts(bundle, objects),
        *_roles(objects),
        *_secrets(texts, objects, readme),
    ]


def _tasks(bundle: Bundle) -> Iterator[str]:
    for document in bundle.documents:
        for template in document.templates:
            if isinstance(template.body, Opaque):
                yield from _not_text(document, template, template.body.raw.value)
                yield from _task(document, template, template.body)


def _task(document: Document, template: Template, body: Opaque) -> Iterator[str]:
    """The content has the keys that the bridge reads, and says all that it needs."""
    plugin = body.raw.value
    if body.kind != "plugin" or not isinstance(plugin, dict) or PLUGIN not in plugin:
        return
    content = plugin[PLUGIN]
    filled = {key: FILLED.get(key, "") for key in content} if isinstance(content, dict) else content
    if isinstance(filled, dict):
        filled |= {key: "x" for key in ("app", "node") if key in filled}
    try:
        read_task(Workflow("ns", "wf", "uid"), {"plugin": {PLUGIN: filled}})
    except InvalidField as error:
        yield f"{document.title}: {template.name}: {error.detail}"


def _not_text(document: Document, template: Template, value: Any) -> Iterator[str]:
    """Argo fills texts: a number or boolean is one that YAML made of a word that nobody quoted."""
    if isinstance(value, dict):
        if "timeoutSeconds" in value:
            value = {key: each for key, each in value.items() if key != "timeoutSeconds"}
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _not_text(document, template, each)
    elif not isinstance(value, str):
        yield f"{document.title}: {template.name}: {value!r} is no text: quote it"


def _accounts(bundle: Bundle, objects: list[Any]) -> Iterator[str]:
    known = _names(objects, "ServiceAccount")
    for document in bundle.documents:
        raw = document.extra.get("serviceAccountName")
        if raw is not None and raw.value not in known:
            yield f"{document.title}: no file here has the ServiceAccount {raw.value}"


def _roles(objects: list[Any]) -> Iterator[str]:
    """A role that is bound and is not there grants nothing, and Kubernetes does not say so."""
    for each in objects:
        if each["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        kind, name = each["roleRef"]["kind"], each["roleRef"]["name"]
        if name not in _names(objects, kind):
            yield f"{each['kind']} {each['metadata']['name']}: no file here has the {kind} {name}"


def _secrets(texts: Mapping[str, str], objects: list[Any], readme: str) -> Iterator[str]:
    brought = _names(objects, "Secret")
    for file, text in texts.items():
        for name in _REFERENCE.findall(text):
            if name not in brought and f"generic {name} " not in readme:
                yield f"{file}: neither a file nor the README makes the Secret {name}"


def _names(objects: list[Any], kind: str) -> set[str]:
    return {
        each["metadata"]["name"] for each in objects if each["kind"] == kind and "name" in each["metadata"]
    }
