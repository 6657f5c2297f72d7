"""What the OpenAPI document says beyond what routes declare: bodies, examples, problems."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from crossover import errors
from crossover.api.documented import problems
from crossover.contract.names import IDEMPOTENCY_HEADER, RETRY_HEADER

ASKS_TEMPORAL = problems(errors.Busy, errors.Unavailable, errors.NoAnswer)
"""What any read of runs can end with."""

START_EXAMPLE: dict[str, Any] = {
    "app": "metadata-extractor",
    "input": {"source": "sqlite:///warehouse.db", "output": "/data/out"},
    "argo": {
        "namespace": "argo",
        "workflow": "nightly-x7k2p",
        "uid": "5b8c3f0e-6f0a-4b57-9d3e-0d8a4e2f9a11",
        "node_name": "nightly-x7k2p.extract",
        "retries": 0,
    },
    "execution_timeout": "2h",
    "on_cancel": "cancel",
    "cancel_grace": "30s",
    "outputs": {"tables": "/counts/tables"},
}


def body(
    model: type[BaseModel], example: dict[str, Any] | None = None, *, required: bool = True
) -> dict[str, Any]:
    """Bodies are read by our own strict parser, so the document has to be told of them."""
    schema = model.model_json_schema()
    content: dict[str, Any] = {"schema": _inlined(schema, schema.pop("$defs", {}))}
    if example is not None:
        content["example"] = example
    return {"requestBody": {"required": required, "content": {"application/json": content}}}


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """FastAPI collects only the definitions of models that it knows of, so ours stand where they are used."""
    match node:
        case {"$ref": str(reference), **rest}:
            return {**_inlined(definitions[reference.rsplit("/", 1)[-1]], definitions), **rest}
        case dict():
            return {key: _inlined(value, definitions) for key, value in node.items()}
        case list():
            return [_inlined(value, definitions) for value in node]
    return node


def start_headers() -> list[dict[str, Any]]:
    return [
        _header(IDEMPOTENCY_HEADER, "One per attempt to start: repeats with it never start a second run."),
        _header(RETRY_HEADER, "`1` when an earlier request with this key may have been carried out."),
        _header("traceparent", "W3C trace context of the Argo step."),
    ]


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": description,
    }
