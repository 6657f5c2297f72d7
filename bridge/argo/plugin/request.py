"""What Argo's agent asks: `template.execute`, as bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from bridge.argo.task import Workflow, is_ours
from crossover.errors import InvalidField, InvalidRequest
from crossover.strict_json import parse_json

Template = Mapping[str, Any]


def read_request(body: bytes) -> tuple[Workflow, Template] | None:
    """Whose template it is, and the template; None where it is another plugin's.

    Raises InvalidRequest for what no agent sends.
    """
    asked = parse_json(body)
    template = _object(asked, "template")
    if not is_ours(template):
        return None
    metadata = _object(_object(asked, "workflow"), "metadata", of="workflow.")
    return Workflow(*(_text(metadata, key) for key in ("namespace", "name", "uid"))), template


def digest(tenant: str, instance: str, body: bytes) -> bytes:
    """Names a request: the agent repeats the very same bytes."""
    return hashlib.blake2b(b"\0".join((tenant.encode(), instance.encode(), body)), digest_size=16).digest()


def _object(value: Any, key: str, of: str = "") -> Mapping[str, Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(found, Mapping):
        raise InvalidRequest(f"This is no request of Argo's agent: {of}{key} must be an object.")
    return found


def _text(metadata: Mapping[str, Any], key: str) -> str:
    value = metadata.get(key)
    if not isinstance(value, str):
        field = f"workflow.metadata.{key}"
        raise InvalidField(f"{field} is missing: Argo's agent sends it since 3.4.", field=field)
    return value
