"""An app's input, checked against its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from crossover.errors import InvalidField

Schema = dict[str, Any]

_NO_OTHERS: Registry[Any] = Registry()
"""Schemas stand on their own: a reference never makes the bridge fetch anything."""


def checked(schema: Schema) -> Schema:
    """The schema itself. Raises ValueError where it is none."""
    try:
        Draft202012Validator.check_schema(schema)
        next(_validator(schema).iter_errors({}), None)
    except SchemaError as error:
        raise ValueError(f"is not a JSON Schema: {error.message}") from None
    except Unresolvable as error:
        raise ValueError(f"refers to a schema that is not in it: {error.ref}") from None
    return schema


def check(schema: Schema, input: Mapping[str, Any]) -> None:
    """Raises InvalidField, naming the place but never the value: inputs may hold secrets."""
    try:
        error = best_match(_validator(schema).iter_errors(input))
    except Unresolvable as unresolvable:
        raise InvalidField(
            f"The app's input schema refers to {unresolvable.ref}, which is not in it: tell its operator.",
            field="input",
        ) from None
    if error is None:
        return
    field = ".".join(["input", *(str(part) for part in error.absolute_path)])
    rule = f"{error.validator}: {error.validator_value!r}"
    raise InvalidField(f"{field} does not meet the app's input schema ({rule[:200]}).", field=field)


def _validator(schema: Schema) -> Draft202012Validator:
    return Draft202012Validator(schema, registry=_NO_OTHERS)
