"""What Argo's agent is told. It takes the first answer that has a node, and asks again after `requeue`.

An answer without a phase writes nothing to etcd. A node that succeeded is never asked for again; a failed one
is, wherever there is a `requeue` (workflow/executor/agent.go, `executePluginTemplate` and `taskWorker`).
"""

from __future__ import annotations

from typing import Any, Final

from bridge.argo.node import Node

Reply = dict[str, Any]

NOT_OURS: Final[Reply] = {}
"""Anything else would take the node from the plugin whose it is."""

LONGEST = 30.0
"""Seconds between questions at most, whoever asks for patience."""


def silent(requeue: float) -> Reply:
    """Nothing new; ask again in `requeue` seconds."""
    return {"node": {}, "requeue": _duration(requeue)}


def told(node: Node, requeue: float) -> Reply:
    return {"node": node, "requeue": _duration(requeue)}


def over(node: Node) -> Reply:
    return {"node": node}


def _duration(seconds: float) -> str:
    """Go's, of at least a second."""
    return f"{round(min(max(seconds, 1.0), LONGEST))}s"
