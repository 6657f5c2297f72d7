"""docs/settings.md: what an operator of the bridge can set."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from bridge.settings import BridgeSettings
from docs.pages.markdown import code, page, table

INTRO = """\
Everything the bridge can be told, each by an environment variable that is read once, at its start. A value
that cannot be used ends the start with a sentence that names its variable; a variable with a misspelt name
is not noticed. [operations.md](operations.md) shows them at work, with the registry and the token file."""


def render() -> str:
    properties = BridgeSettings.model_json_schema()["properties"]
    prefix = BridgeSettings.model_config["env_prefix"]
    rows = [
        [code(prefix + name.upper()), _kind(properties[name]), _default(field.default), _text(name)]
        for name, field in BridgeSettings.model_fields.items()
    ]
    return page(
        "Settings of the bridge",
        "bridge/settings.py",
        INTRO,
        table(["variable", "value", "default", "what, in which unit, and why so"], rows),
    )


def _text(name: str) -> str:
    description = BridgeSettings.model_fields[name].description
    if not description:
        raise ValueError(f"bridge/settings.py: {name} has no description; it goes into docs/settings.md")
    return description


def _default(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return code(str(value).lower())
        case StrEnum():
            return code(value.value)
        case _:
            return code(str(value))


def _kind(schema: dict[str, Any]) -> str:
    """What may be given, in words: from the setting's JSON Schema."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        values = BridgeSettings.model_json_schema()["$defs"][name]["enum"]
        return " or ".join(code(value) for value in values)
    given = next((each for each in schema.get("anyOf", []) if each["type"] != "null"), schema)
    kind = {"path": "file"}.get(given.get("format", ""), _TYPES[given["type"]])
    return kind + _limits(given)


_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


def _limits(schema: dict[str, Any]) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    limits = [f"{word} {schema[key]:g}" for key, word in words.items() if key in schema]
    return f" {' '.join(limits)}" if limits else ""
