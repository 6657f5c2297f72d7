"""The parameters of the modes' templates that `crossover template render` can give another default."""

from __future__ import annotations

from crossover.cli.template.modes import Mode

HELP = {
    "app": "An app of the bridge's registry.",
    "input": "The run's input, a JSON object.",
    "input-params": "Keys of the input as KEY=VALUE, one per line.",
    "trace-id": "What ties both engines' logs together.",
    "timeout": "The longest life of the run, such as 2h.",
    "scope": "node or attempt.",
    "on-cancel": "cancel, terminate or abandon.",
    "cancel-grace": "How long a cancelled run may take, such as 30s.",
    "run-retries": "How often a failed run is tried again.",
    "bridge": "Where the bridge is.",
    "title": "What is to be approved.",
    "description": "What one should know to decide.",
    "details": "Facts to show beside it, a JSON object.",
    "expires-in": "How long there is to decide, such as 24h.",
    "four-eyes": "true or false: whether who started it may not approve it.",
    "legacy": "The WorkflowTemplate of the legacy template.",
    "legacy-template": "Which of its templates.",
    "shadow-input-params": "Keys that differ for a shadow.",
    "shadow-wait": "How long the step may wait for its shadow.",
    "ignore": "JSON Pointers of what may differ.",
    "connector": "For the flags' rules.",
    "environment": "For the flags' rules.",
    "flag": "The flag that decides.",
}

_PER_NODE = ("node", "decision")
"""Differ from node to node: a default for all would be wrong."""


def parameters_of(mode: Mode, text: str) -> dict[str, tuple[str, ...]]:
    """The parameters that can have another default, with the values that each is confined to (empty: any)."""
    from argo_flow.parse import parse_texts

    (document,) = parse_texts({mode.name: text}).documents
    return {each.name: each.enum for each in document.templates[0].inputs if each.name not in _PER_NODE}
