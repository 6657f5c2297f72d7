"""JSON in Temporal's payloads, encoded as every Temporal SDK reads it (`json/plain`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads

from bridge.steps.engine import Opaque
from crossover.errors import CrossoverError
from crossover.strict_json import dump_json, parse_json

MAX_DEPTH = 256
"""Levels of a result: more than people nest, less than would exhaust a parser's stack."""

_JSON = {"encoding": b"json/plain"}


def to_payload(value: Any) -> Payload:
    return Payload(metadata=_JSON, data=dump_json(value))


def to_payloads(values: Iterable[Any]) -> Payloads:
    return Payloads(payloads=[to_payload(value) for value in values])


def to_fields(values: Mapping[str, Any]) -> dict[str, Payload]:
    """For headers, memos and search attributes."""
    return {key: to_payload(value) for key, value in values.items()}


def from_payload(payload: Payload) -> Any:
    """The payload's value; what is not JSON (binary, encrypted, NaN) is `Opaque`, never guessed at.

    Other SDKs write what JSON does not allow, and anybody may write into a namespace: no payload may
    make a run unreadable.
    """
    encoding = payload.metadata.get("encoding", b"").decode("ascii", "replace")
    if encoding == "binary/null":
        return None
    if encoding in ("json/plain", "json/protobuf"):
        try:
            return parse_json(payload.data, max_depth=MAX_DEPTH)
        except CrossoverError as error:
            return Opaque(encoding, len(payload.data), error.detail)
    return Opaque(encoding, len(payload.data))


def from_payloads(payloads: Payloads) -> Any:
    """A workflow's result: one value, or None where there is none."""
    return from_payload(payloads.payloads[0]) if payloads.payloads else None


def from_fields(fields: Mapping[str, Payload]) -> dict[str, Any]:
    return {key: from_payload(payload) for key, payload in fields.items()}
