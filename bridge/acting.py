"""The bridge itself as a caller: for nodes that Argo hands over by itself, without a token."""

from __future__ import annotations

from bridge.argo.runs import View
from bridge.service import Runs
from bridge.steps.engine import RunRef
from bridge.steps.request import StartRequest
from crossover.contract.run import Mode
from crossover.identity import Action, Principal, Role


class ActingRuns:
    """`NodeRuns` over the run service, with no more rights than an operator of the tenant in question.

    Args:
        name: who acts, for the audit and for Temporal's reasons.
    """

    def __init__(self, runs: Runs, name: str) -> None:
        self._runs = runs
        self._name = name

    async def attach(
        self, tenant: str, request: StartRequest, *, mode: Mode, key: str, repeated: bool
    ) -> View:
        _, view = await self._runs.start(
            Principal(self._name, tenant, Role.OPERATOR),
            request,
            traceparent=None,
            key=key,
            repeated=repeated,
            mode=mode,
        )
        return view.data

    async def wait(self, run: str, *, timeout: float, revision: str | None) -> View:
        return (await self._runs.hub.wait(self._ref(run), timeout=timeout, revision=revision)).data

    async def cancel(self, run: str, *, reason: str) -> None:
        await self._runs.cancel(self._ref(run), mode=None, grace=None, reason=reason)

    def _ref(self, run: str) -> RunRef:
        tenant = run.split("/")[1]
        return self._runs.ref(Principal(self._name, tenant, Role.OPERATOR), run, Action.CONTROL)
