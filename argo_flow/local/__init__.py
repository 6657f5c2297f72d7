"""Runs the step templates of Argo documents as processes on this machine. It is not Argo.

What it cannot do as Argo would (artifacts, sidecars, fan-out, …) it refuses before anything is started;
`support` has the list. What only Kubernetes needs (images, resources, service accounts, …) is left aside.
"""

from argo_flow.local.events import Event, NodeFinished, NodeLine, NodeProgress, NodeStarted, WorkflowFinished
from argo_flow.local.runner import LocalRunner, Refused, WorkflowResult

__all__ = [
    "Event",
    "LocalRunner",
    "NodeFinished",
    "NodeLine",
    "NodeProgress",
    "NodeStarted",
    "Refused",
    "WorkflowFinished",
    "WorkflowResult",
]
