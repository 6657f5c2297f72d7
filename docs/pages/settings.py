"""docs/settings.md: what an operator can set."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from bridge.agent_settings import AgentSettings
from bridge.settings import BridgeSettings
from crossover.settings import ServiceSettings
from docs.pages.markdown import code, page, table
from log_streamer.settings import LogStreamerSettings

INTRO = """\
Everything the services can be told, each by an environment variable that is read once, at the start. A value
that cannot be used ends the start with a sentence that names its variable, and so does a variable with a
misspelt name. [services.md](services.md) shows them at work, with the registry and the token file;
[flags.md](flags.md) and [identity.md](identity.md) those of flags and callers."""

SERVICES: dict[str, tuple[str, type[ServiceSettings]]] = {
    "The bridge": ("bridge/settings.py", BridgeSettings),
    "The agent": ("bridge/agent_settings.py", AgentSettings),
    "The log streamer": ("log_streamer/settings.py", LogStreamerSettings),
}


SHARED = """\
The agent is made of the bridge's parts: beside these, it takes the bridge's settings above, with its own
prefix. Those of the bridge's API (`AUTH`, tokens, `FLAGS_WRITABLE`, `PLUGIN_REQUEUE`) mean nothing to it."""


def render() -> str:
    sources = " and ".join(source for source, _ in SERVICES.values())
    parts = [
        part
        for title, (source, settings) in SERVICES.items()
        for part in (f"## {title}", *_words(settings), _table(source, settings))
    ]
    return page("Settings", sources, INTRO, *parts)


def _table(source: str, settings: type[ServiceSettings]) -> str:
    schema, prefix = settings.model_json_schema(), settings.model_config["env_prefix"]
    rows = []
    for name, field in sorted(settings.model_fields.items(), key=_is_common):
        if _as_in_the_bridge(name, settings):
            continue
        if not field.description:
            raise ValueError(f"{source}: {name} has no description; it goes into docs/settings.md")
        kind = _kind(schema["properties"][name], schema.get("$defs", {}))
        rows.append([code(prefix + name.upper()), kind, _default(field.default), field.description])
    return table(["variable", "value", "default", "what, in which unit, and why so"], rows)


def _is_common(item: tuple[str, object]) -> bool:
    """Those that all services have come last, though their class comes first."""
    return item[0] in ServiceSettings.model_fields


def _words(settings: type[ServiceSettings]) -> tuple[str, ...]:
    return (SHARED,) if settings is AgentSettings else ()


def _as_in_the_bridge(name: str, settings: type[ServiceSettings]) -> bool:
    inherits = settings is not BridgeSettings and issubclass(settings, BridgeSettings)
    return inherits and name not in settings.__annotations__


def _default(value: object) -> str:
    match value:
        case None:
            return ""
        case "":
            return ""
        case bool():
            return code(str(value).lower())
        case StrEnum():
            return code(value.value)
        case _:
            return code(str(value))


def _kind(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """What may be given, in words: from the setting's JSON Schema."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        values = definitions[name]["enum"]
        return " or ".join(code(value) for value in values)
    given = next((each for each in schema.get("anyOf", []) if each["type"] != "null"), schema)
    kind = given.get("format") or _TYPES[given["type"]]
    return kind + _limits(given)


_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


def _limits(schema: dict[str, Any]) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    limits = [f"{word} {schema[key]:g}" for key, word in words.items() if key in schema]
    return f" {' '.join(limits)}" if limits else ""
