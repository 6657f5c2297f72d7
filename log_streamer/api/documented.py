"""What the OpenAPI document says beyond what the route declares: its parameters and its formats."""

from __future__ import annotations

from typing import Any

_WORDS: dict[str, tuple[dict[str, Any], str]] = {
    "since": ({"type": "string"}, "Nothing older: a duration such as `10m`, or an RFC 3339 time."),
    "follow": ({"type": "boolean", "default": True}, "`false`: what there is now, and then the end."),
    "tail": ({"type": "integer", "minimum": 0}, "Of what there is already, only the last so many lines."),
    "node": ({"type": "array", "items": {"type": "string"}}, "Argo nodes, by id or display name."),
    "source": (
        {"type": "array", "items": {"enum": ["argo", "worker", "archive", "local"]}},
        "Where lines come from.",
    ),
    "level": (
        {"enum": ["trace", "debug", "info", "warn", "error"]},
        "The least level; lines that name none are always shown.",
    ),
    "grep": ({"type": "string", "maxLength": 1000}, "RE2 pattern that a line's text must match."),
    "max_lines": ({"type": "integer", "minimum": 1}, "Fewer lines than the service's limit."),
    "timeout": ({"type": "string"}, "A shorter duration than the service's limit."),
    "argoexec": ({"type": "boolean", "default": False}, "Also the lines of Argo's own executor."),
    "cursor": ({"type": "string"}, "Go on after an event's id. It wins over `since` and `tail`."),
    "batch": ({"type": "boolean", "default": False}, "One record per event, and no lists."),
    "format": ({"enum": ["sse", "ndjson", "text"]}, "Instead of the Accept header."),
}

PARAMETERS: list[dict[str, Any]] = [
    {"name": name, "in": "query", "required": False, "schema": schema, "description": words}
    for name, (schema, words) in _WORDS.items()
] + [
    {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "As `cursor`, and it wins; EventSource sends it by itself.",
    }
]

_RECORD = {
    "ts": "2026-11-21T02:11:29.636105921Z",
    "source": "worker",
    "pod": "extractor-7d9c",
    "container": "main",
    "level": "info",
    "activity": {"type": "fetch-columns", "attempt": 1},
    "msg": 'level=info trace_id=nightly-x7k2p msg="2,000 columns"',
    "seq": 17,
}

RESPONSES: dict[str, Any] = {
    "description": "Events `log`, `state`, `gap`, `end`; see docs/log-feed.md.",
    "content": {
        "text/event-stream": {},
        "application/x-ndjson": {"schema": {"type": "string"}, "example": {"event": "log", **_RECORD}},
        "text/plain": {"schema": {"type": "string"}},
    },
}
