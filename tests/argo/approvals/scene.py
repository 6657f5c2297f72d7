"""Approvals over a real Temporal, with an Argo of a few objects: what a replica of the bridge is made of."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider
from temporalio.client import Client

from bridge.approvals.effects import Effects
from bridge.approvals.record import Kept, State
from bridge.approvals.request import ApprovalRequest, DecisionBody
from bridge.approvals.service import Approvals
from bridge.argo.callbacks.completer import Completer
from bridge.argo.server import Completion
from bridge.metrics import Metrics
from bridge.steps.engine import RunRef
from bridge.steps.registry import Registry
from bridge.temporal.approval_messages import EFFECT, execution_id
from bridge.temporal.approvals import KeptApprovals
from bridge.temporal.attributes import SearchAttributeNames
from bridge.temporal.reads import Reads
from bridge.temporal.rpc import Rpc
from crossover.audit import Entry, Event
from crossover.contract.run import ArgoNode, Phase
from crossover.errors import Unavailable
from crossover.identity import Principal, Role
from testbed.servers import PATIENCE

T = TypeVar("T")
_numbers = itertools.count()

TENANT = "acme"
SUPPLIED = ("decision", "decided-by", "reason")
"""Output parameters of the suspend node of `argo_templates/approval`."""

STARTER = Principal("argo-steps", TENANT, Role.OPERATOR)
ALICE = Principal("alice@example.com", TENANT, Role.APPROVER)
BOB = Principal("bob@example.com", TENANT, Role.APPROVER)
REGISTRY = Registry.model_validate(
    {"tenants": {name: {"task_queues": ["*"], "workflow_types": ["*"]} for name in (TENANT, "beta")}}
)


class Keeper(Reads, KeptApprovals):
    """Temporal, as far as approvals need it."""

    def __init__(self, client: Client) -> None:
        metrics = Metrics(NoOpMeterProvider().get_meter("tests"))
        rpc = Rpc(client, metrics, NoOpTracerProvider().get_tracer("tests"))
        attributes = SearchAttributeNames(rpc)
        Reads.__init__(self, rpc, attributes)
        KeptApprovals.__init__(self, rpc, attributes)

    async def owes(self, kept: Kept) -> bool:
        """Whether its effect has still to be settled."""
        id = execution_id(EFFECT, kept.tenant, kept.id)
        return not (await self.describe(RunRef(kept.namespace, id))).status.closed


@dataclass
class Argo:
    """Workflows by name, and which of their suspend nodes were completed, each as often as it was."""

    workflows: dict[str, dict[str, Any]] = field(default_factory=dict)
    away: bool = False
    refused: int = 0
    completed: list[tuple[str, Phase, str, Mapping[str, str]]] = field(default_factory=list)
    at_set: Callable[[], Awaitable[None]] | None = None

    def keep(self, node: Mapping[str, Any], *, suspended: str | None = None, **labels: str) -> dict[str, Any]:
        """A running workflow. `suspended`: what the input `approval` of its suspend node has."""
        workflow: dict[str, Any] = {
            "metadata": {
                "name": node["workflow"],
                "uid": node["uid"],
                "labels": {
                    f"workflows.argoproj.io/{key.replace('_', '-')}": value for key, value in labels.items()
                },
            },
            "spec": {},
            "status": {"phase": "Running", "nodes": {}},
        }
        self.workflows[node["workflow"]] = workflow
        if suspended is not None:
            self.suspend(node["workflow"], suspended)
        return workflow

    def suspend(self, workflow: str, approval: str) -> None:
        parameters = [{"name": "approval", "value": approval}]
        self.workflows[workflow]["status"]["nodes"][f"{workflow}-1"] = {
            "type": "Suspend",
            "phase": "Running",
            "inputs": {"parameters": parameters},
            "outputs": {"parameters": [{"name": name, "valueFrom": {"supplied": {}}} for name in SUPPLIED]},
        }

    def node(self, workflow: str) -> dict[str, Any]:
        found: dict[str, Any] = self.workflows[workflow]["status"]["nodes"][f"{workflow}-1"]
        return found

    async def get(self, node: ArgoNode) -> dict[str, Any] | None:
        if self.away:
            self.refused += 1
            raise Unavailable("Argo cannot be asked about the workflow (ConnectError).")
        return self.workflows.get(node.workflow)

    async def set(self, node: ArgoNode, node_id: str, completion: Completion) -> dict[str, Any] | None:
        workflow = await self.get(node)
        if workflow is not None:
            workflow["status"]["nodes"][node_id]["phase"] = completion.phase.value
            self.completed.append((node.workflow, completion.phase, completion.message, completion.outputs))
            if self.at_set is not None:
                await self.at_set()
        return workflow


class Book:
    """The audit, in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    async def read(self, *, tenant: str | None, after: str | None, limit: int) -> Sequence[Entry]:
        return []

    async def verify(self) -> Sequence[str]:
        return []

    async def aclose(self) -> None:
        pass

    def of(self, approval: str) -> list[str]:
        return [event.action for event in self.events if event.subject == approval]


@dataclass
class Replica:
    """One bridge's approvals. `counted`: what its metric counts."""

    keeper: Keeper
    argo: Argo
    book: Book
    counted: Counter[str]
    effects: Effects
    approvals: Approvals

    async def asked(self, by: Principal = STARTER, **changes: Any) -> Kept:
        created, kept = await self.approvals.ask(by, request(**changes), "request-1")
        assert created
        return kept

    async def decide(self, who: Principal, kept: Kept, decision: str, reason: str = "looked at it") -> Kept:
        body = DecisionBody.model_validate({"decision": decision, "reason": reason})
        return await self.approvals.decide(who, kept.id, body, "request-2")

    async def state(self, kept: Kept) -> State:
        return (await self.approvals.get(ALICE, kept.id)).state

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None, None]:
        """With its sweep."""
        work = asyncio.create_task(self.effects.run())
        try:
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def replica(client: Client, argo: Argo | None = None, *, completes: bool = True) -> Replica:
    """Without `argo` it cannot ask about workflows, only complete nodes: of which there are none."""
    keeper, workflows, argo, book = Keeper(client), argo, argo or Argo(), Book()
    counted = Counter[str]()

    def count(state: str) -> None:
        counted[state] += 1

    effects = Effects(keeper, ["default"], Completer(argo) if completes else None, workflows, book, count)
    approvals = Approvals(keeper, REGISTRY, "default", workflows, effects)
    return Replica(keeper, argo, book, counted, effects, approvals)


def node(**changes: Any) -> dict[str, Any]:
    """An Argo node of a workflow of its own."""
    name = f"wf-{next(_numbers)}"
    return {
        "namespace": "argo",
        "workflow": name,
        "uid": str(uuid.uuid4()),
        "node_name": f"{name}.ask",
        **changes,
    }


def request(**changes: Any) -> ApprovalRequest:
    given = {"title": "Delete 312 stale tables", **changes}
    if "run" not in given:
        given.setdefault("argo", node())
    return ApprovalRequest.model_validate(given)


async def until(look: Callable[[], Awaitable[T]], *, within: float = PATIENCE) -> T:
    """What `look` finds, as soon as it is something."""
    async with asyncio.timeout(within):
        while not (found := await look()):
            await asyncio.sleep(0.05)
        return found
