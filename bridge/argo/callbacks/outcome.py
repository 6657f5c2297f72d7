"""From a run view to what its suspend node is given. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.argo.callbacks.target import Supplied
from bridge.argo.node import MESSAGE_LIMIT, RESULT, VIEW, node_of
from bridge.argo.server import Completion
from crossover.contract.run import Phase
from crossover.errors import cut


def outcome_of(view: Mapping[str, Any], supplied: Supplied) -> Completion:
    """Argo applies no defaults where outputs are set, so they are supplied from here.

    An output that the run has not got, and that has no default, makes the node an Error: unset, it would make
    whatever reads it wait for good.
    """
    given = (view["outputs"] or {}).get("parameters") or {}
    wanted = {
        name
        for name, default in supplied.items()
        if default is None or name in given or name in (RESULT, VIEW)
    }
    node = node_of(_only(view, wanted), wanted)
    listed = (node.get("outputs") or {}).get("parameters") or ()
    found = {each["name"]: each["value"] for each in listed}
    return Completion(Phase(node["phase"]), node["message"], fill(found, supplied))


def fill(given: Mapping[str, str], supplied: Supplied) -> dict[str, str]:
    """Those of the values that are declared, and the defaults of the others."""
    defaults = {name: default for name, default in supplied.items() if default is not None}
    return defaults | {name: value for name, value in given.items() if name in supplied}


def without_outputs(completion: Completion, refusal: str) -> Completion:
    """Argo does not take the outputs, and never will: a node that says so is better than one that waits."""
    return Completion(
        Phase.ERROR,
        cut(
            f"the run ended as {completion.phase}, but Argo does not take its outputs: {refusal}",
            MESSAGE_LIMIT,
        ),
        {},
    )


def _only(view: Mapping[str, Any], wanted: set[str]) -> Mapping[str, Any]:
    """A result that nobody has declared does not count towards a node's size."""
    outputs = view["outputs"]
    if outputs is None or wanted & {RESULT, VIEW}:
        return view
    parameters = {name: value for name, value in outputs["parameters"].items() if name in wanted}
    return {**view, "outputs": {"parameters": parameters, "result": None}}
