"""What a container's key says of a log at the Argo Server. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from log_streamer.model import Container, SourceName
from log_streamer.sources.pods import StepContainer
from log_streamer.sources.source import WorkflowRef

_LIVE, _ARCHIVE = "argo-server", "argo-archive"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log is.

    Args:
        uid: the workflow's: another one may have its name later.
        archived: whether the workflow is only in the archive.
        started_at: the node's; `argo retry` begins the same node again.
    """

    ref: WorkflowRef
    uid: str
    node: str
    container: str
    started_at: str
    archived: bool = False

    @classmethod
    def of(cls, container: Container) -> Place:
        _, space, name, uid, node, part, started_at, archived = container.key.split("|")
        return cls(WorkflowRef(space, name), uid, node, part, started_at, archived == "archived")

    def key(self, kind: str) -> str:
        """No name of Kubernetes' holds a `|`."""
        archived = "archived" if self.archived else "live"
        parts = (kind, self.ref.namespace, self.ref.name, self.uid, self.node, self.container)
        return "|".join((*parts, self.started_at, archived))


def live_container(place: Place, step: StepContainer) -> Container:
    """The log of a pod that is still there."""
    return Container(place.key(_LIVE), SourceName.ARGO, step.pod, step.name, node=step.node)


def archived_container(place: Place, step: StepContainer) -> Container:
    """The log that was kept of a pod that is gone."""
    return Container(place.key(_ARCHIVE), SourceName.ARCHIVE, step.pod, step.name, node=step.node)
