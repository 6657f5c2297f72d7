"""JSON in Temporal's payloads, encoded as every Temporal SDK reads it (`json/plain`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads

from crossover.strict_json import dump_json

_JSON = {"encoding": b"json/plain"}


def to_payload(value: Any) -> Payload:
    return Payload(metadata=_JSON, data=dump_json(value))


def to_payloads(values: Iterable[Any]) -> Payloads:
    return Payloads(payloads=[to_payload(value) for value in values])


def to_fields(values: Mapping[str, Any]) -> dict[str, Payload]:
    """For headers, memos and search attributes."""
    return {key: to_payload(value) for key, value in values.items()}


def from_payload(payload: Payload) -> Any:
    """The payload's value; what is not JSON (binary, encrypted) is described, never guessed at."""
    encoding = payload.metadata.get("encoding", b"").decode("ascii", "replace")
    if encoding == "binary/null":
        return None
    if encoding in ("json/plain", "json/protobuf"):
        try:
            return json.loads(payload.data)
        except ValueError:
            encoding = f"{encoding}, unreadable"
    return {"encoding": encoding, "bytes": len(payload.data)}


def from_payloads(payloads: Payloads) -> Any:
    """A workflow's result: one value, or None where there is none."""
    return from_payload(payloads.payloads[0]) if payloads.payloads else None


def from_fields(fields: Mapping[str, Payload]) -> dict[str, Any]:
    return {key: from_payload(payload) for key, payload in fields.items()}
