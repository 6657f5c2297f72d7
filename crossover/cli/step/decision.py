"""A decision as the step reads, makes up and tells it. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from crossover.cli.step.replies import Unusable
from crossover.contract.run import ArgoNode


class Side(StrEnum):
    """Which way a node goes, and which of its sides an outcome is about."""

    LEGACY = "legacy"
    SHADOW = "shadow"
    CROSSOVER = "crossover"


def read_answer(answer: dict[str, Any], flag: str) -> dict[str, Any]:
    """The bridge's decision. Raises Unusable when something else answered in its place."""
    if answer.get("variant") not in list(Side) or answer.get("flag") != flag:
        raise Unusable("its reply is no decision")
    return answer


def legacy(flag: str, argo: ArgoNode, trace_id: str, asked: dict[str, str], note: str) -> dict[str, Any]:
    """The decision of a step that got none: legacy. It names no tenant, for only the bridge knows that."""
    return {
        "flag": flag,
        "value": False,
        "variant": Side.LEGACY.value,
        "reason": "ERROR",
        "rule": "",
        "config_version": 0,
        "stale": False,
        "note": note,
        "context": asked,
        "argo": node(argo),
        "trace_id": trace_id,
    }


def is_the_bridges(decision: dict[str, Any]) -> bool:
    """Whether the bridge made the decision, and would know it again."""
    return tenant_of(decision) != ""


def tenant_of(decision: dict[str, Any]) -> str:
    context = decision.get("context")
    tenant = context.get("tenant") if isinstance(context, dict) else None
    return tenant if isinstance(tenant, str) else ""


def node(argo: ArgoNode) -> dict[str, str]:
    """The node without its attempt: attempts share a decision."""
    return {
        "namespace": argo.namespace,
        "workflow": argo.workflow,
        "uid": argo.uid,
        "node_name": argo.node_name,
    }


def node_of(decision: dict[str, Any]) -> ArgoNode:
    """The node that was decided. Raises ValueError."""
    argo = decision.get("argo")
    names = ("namespace", "workflow", "uid", "node_name")
    if not isinstance(argo, dict) or not all(isinstance(argo.get(name), str) for name in names):
        raise ValueError("is no decision: it names no Argo node")
    return ArgoNode(*(argo[name] for name in names))


def sentence(decision: dict[str, Any]) -> str:
    """Which way, and why, in one line."""
    said = f"{decision['variant']}: "
    if rule := decision.get("rule"):
        said += f"{rule} of {decision['flag']}, version {decision.get('config_version')}"
    else:
        said += f"{decision['flag']} could not be asked"
    if decision.get("stale") is True:
        said += ", the last that is known: the flag store is away"
    note = decision.get("note")
    return f"{said}. {note}" if note else said
