"""Where approvals are kept: `bridge.temporal.approvals` is the implementation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.approvals.record import ApprovalRecord, Kept, State, Verdict
from bridge.steps.engine import RunRef, Snapshot


@dataclass(frozen=True, slots=True)
class Owed:
    """An approval of whose end somebody has yet to be told."""

    namespace: str
    tenant: str
    id: str


class Keeping(Protocol):
    """Errors are those of `crossover.errors`."""

    async def describe(self, ref: RunRef, run_id: str | None = None) -> Snapshot:
        """A run that an approval is about. Raises NotFound."""
        ...

    async def ask_approval(
        self, namespace: str, tenant: str, approval: str, record: ApprovalRecord
    ) -> tuple[bool, Kept]:
        """Whether it was created by this call, and the approval of that id."""
        ...

    async def approval(self, namespace: str, tenant: str, approval: str) -> Kept:
        """Raises NotFound."""
        ...

    async def close_approval(self, kept: Kept, verdict: Verdict) -> None:
        """Closes it, unless it is closed: who reads it back learns which."""
        ...

    async def await_close(self, kept: Kept) -> None:
        """One long poll: returns when it is closed, or when Temporal ended the poll."""
        ...

    async def list_approvals(
        self,
        namespace: str,
        tenant: str,
        *,
        state: State | None,
        trace_id: str | None,
        limit: int,
        page_token: str | None,
    ) -> tuple[Sequence[Kept], str | None]:
        """Newest first, and the next page's token."""
        ...

    async def open_approvals(self, namespace: str) -> Sequence[Kept]:
        """Of all tenants, as visibility knows them: a second or so late."""
        ...

    async def owe_effect(self, namespace: str, tenant: str, approval: str, lifetime: float) -> None:
        """Writes down, once, that somebody has to be told; it is kept for `lifetime` seconds."""
        ...

    async def owed_effects(self, namespace: str) -> Sequence[Owed]:
        """Of all tenants, as visibility knows them: a second or so late."""
        ...

    async def settle_effect(self, owed: Owed) -> bool:
        """Nobody has to be told any more; whether it was this call that settled it."""
        ...

    async def tell_run(
        self, ref: RunRef, run_id: str, *, signal: str, argument: Any, request_id: str
    ) -> bool:
        """Signals exactly this Temporal run, repeats once; False when it is over."""
        ...
