"""The phases of a node, in Argo's words (argo-workflows pkg/apis/workflow/v1alpha1/workflow_types.go)."""

from __future__ import annotations

from enum import StrEnum


class NodePhase(StrEnum):
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    SKIPPED = "Skipped"
    FAILED = "Failed"
    ERROR = "Error"
    OMITTED = "Omitted"

    @property
    def fulfilled(self) -> bool:
        """Over, whether or not it ever ran."""
        return self not in (NodePhase.PENDING, NodePhase.RUNNING)

    @property
    def completed(self) -> bool:
        """Over after it ran."""
        return self in (NodePhase.SUCCEEDED, NodePhase.FAILED, NodePhase.ERROR)

    @property
    def failed_or_error(self) -> bool:
        return self in (NodePhase.FAILED, NodePhase.ERROR)
