"""A decision: which way one Argo node goes, made once and then pinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from crossover.contract.run import ArgoNode, node_key
from crossover.flags.model import Context, Reason, Variant


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for a node, on what grounds. Retries and restarts of the node get the same again.

    Args:
        context: the tenant and what else the evaluation was about.
        note: a sentence where something went wrong, and legacy was taken for it.
        stale: the flag store could not be read when this was decided; the last known document decided.
    """

    flag: str
    variant: Variant
    reason: Reason
    rule: str
    config_version: int
    context: Context
    argo: ArgoNode
    trace_id: str
    decided_at: datetime
    stale: bool = False
    note: str = ""

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What a decision is pinned by: attempts of a node share it, resubmitted workflows do not."""
        argo = self.argo
        return (self.context.tenant, self.flag, argo.namespace, argo.uid, node_key(argo.node_name))

    def to_json(self) -> dict[str, Any]:
        context = self.context.model_dump(mode="json", exclude_none=True)
        return {
            "flag": self.flag,
            "value": self.variant.value_of_flag,
            "variant": self.variant.value,
            "reason": self.reason.value,
            "rule": self.rule,
            "config_version": self.config_version,
            "stale": self.stale,
            "note": self.note,
            "context": context,
            "argo": {
                "namespace": self.argo.namespace,
                "workflow": self.argo.workflow,
                "uid": self.argo.uid,
                "node_name": self.argo.node_name,
            },
            "trace_id": self.trace_id,
            "decided_at": self.decided_at.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Raises ValueError for what is no decision."""
        try:
            argo = value["argo"]
            return cls(
                flag=str(value["flag"]),
                variant=Variant(value["variant"]),
                reason=Reason(value["reason"]),
                rule=str(value["rule"]),
                config_version=int(value["config_version"]),
                context=Context.model_validate(value["context"]),
                argo=ArgoNode(argo["namespace"], argo["workflow"], argo["uid"], argo["node_name"]),
                trace_id=str(value["trace_id"]),
                decided_at=datetime.fromisoformat(value["decided_at"]),
                stale=bool(value.get("stale", False)),
                note=str(value.get("note", "")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no decision: {error!r}") from None
