"""The flag document's shape, told to others: its JSON schema, and sentences about what does not fit it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from crossover.flags.model import Document


def document_schema() -> dict[str, Any]:
    """JSON schema (2020-12) of the document as it is written."""
    schema = Document.model_json_schema(by_alias=True, mode="validation")
    # pydantic says what names of flags look like, but not that there are no others.
    schema["properties"]["flags"]["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def read_document(value: Any) -> Document:
    """The document in parsed JSON or YAML. Raises ValueError with a sentence for each place that is wrong."""
    try:
        return Document.model_validate(value)
    except ValidationError as error:
        raise ValueError(sentence(error)) from None


def sentence(error: ValidationError) -> str:
    """What is wrong and where, without echoing values: `flags.x.rollout[0].crossover: ...`."""
    return "; ".join(f"{_place(part['loc'])}: {part['msg']}" for part in error.errors(include_url=False))


def _place(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location if part != "[key]")
    return "".join(parts).lstrip(".") or "the document"
