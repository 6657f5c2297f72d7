"""What an approval is: who asks for what, what waits for it, and how it ended. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bridge.steps.record import Callback
from crossover.contract.run import ArgoNode, valid_segment
from crossover.errors import NotFound

MEMO = "crossover_approval"

DAY = 86_400.0
"""Seconds. People come back from a night, not from a month."""

LONGEST = 30 * DAY

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class State(StrEnum):
    """`withdrawn`: what waited for it was over before anybody decided."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"

    @property
    def closed(self) -> bool:
        return self is not State.PENDING


@dataclass(frozen=True, slots=True)
class RunTarget:
    """A run that waits for the signal. `first_run_id`: its chain, so that a later run of the same node is
    not told of what was decided for this one."""

    id: str
    signal: str
    first_run_id: str


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """What was asked for.

    Args:
        requested_by: on whose behalf, as the request says; `starter` is the caller that asked, who is proven.
        argo: the node that asked; `callback` is the suspend node that waits, None where none does.
        origin: the node whose workflow the run belongs to, where a run asks.
        expires_in: seconds.
        fingerprint: tells whether two requests ask for the same.
    """

    title: str
    requested_by: str
    starter: str
    trace_id: str
    expires_in: float
    fingerprint: str
    description: str = ""
    details: Mapping[str, Any] | None = None
    four_eyes: bool = True
    argo: ArgoNode | None = None
    callback: Callback | None = None
    run: RunTarget | None = None
    origin: ArgoNode | None = None

    @property
    def workflow(self) -> ArgoNode | None:
        """The Argo workflow that it belongs to, by one of its nodes."""
        return self.argo or self.origin

    def to_memo(self) -> dict[str, Any]:
        return {MEMO: {key: value for key, value in asdict(self).items() if value is not None}}

    @classmethod
    def from_memo(cls, memo: Mapping[str, Any]) -> ApprovalRecord | None:
        """None for what no bridge wrote: anybody may write into a namespace."""
        found = memo.get(MEMO)
        if not isinstance(found, Mapping):
            return None
        nested = {"argo": ArgoNode, "origin": ArgoNode, "callback": Callback, "run": RunTarget}
        try:
            parts = {key: make(**found[key]) for key, make in nested.items() if key in found}
            record = cls(**{**found, **parts})
        except TypeError:
            return None
        texts = (record.title, record.requested_by, record.starter, record.trace_id, record.description)
        whole = all(isinstance(each, str) for each in texts) and isinstance(record.expires_in, int | float)
        return record if whole else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an approval was closed. `token` is the closing request's own: who finds it there has closed it."""

    state: State
    who: str
    reason: str
    token: str

    def to_json(self) -> dict[str, str]:
        return {"decision": self.state.value, "who": self.who, "reason": self.reason, "token": self.token}

    @classmethod
    def from_json(cls, value: Any) -> Verdict | None:
        """None for what is none of ours."""
        if not isinstance(value, Mapping):
            return None
        state, who, reason, token = (value.get(key) for key in ("decision", "who", "reason", "token"))
        if state not in (State.APPROVED, State.REJECTED, State.WITHDRAWN) or not isinstance(who, str):
            return None
        return cls(State(state), who, reason if isinstance(reason, str) else "", str(token))


@dataclass(frozen=True, slots=True)
class Kept:
    """An approval as Temporal keeps it. `execution` is the run id of the execution that stands for it."""

    namespace: str
    tenant: str
    id: str
    execution: str
    record: ApprovalRecord
    created_at: datetime
    state: State = State.PENDING
    closed_at: datetime | None = None
    verdict: Verdict | None = None

    @property
    def expires_at(self) -> datetime:
        return self.created_at + timedelta(seconds=self.record.expires_in)

    @property
    def callback(self) -> Callback | None:
        """The suspend node, found by the approval's own id where the request names none."""
        asked = self.record.callback
        if asked is None or asked.node_id or asked.value:
            return asked
        return Callback(None, asked.input, self.id)


def approval_id(source: str, *what: object) -> str:
    """One id for what is asked again by the same node or run; `source` makes it readable.

    Args:
        what: all that tells it from other approvals of the tenant.
    """
    readable = _UNSAFE.sub("-", source.rsplit(".", 1)[-1]).strip("-._")[:40] or "approval"
    return f"{readable}-{digest(list(what))[:20]}"


def later(approval: str, number: int) -> str:
    """The id of the `number`th time that the same is asked for: the one before was not approved."""
    return approval if number == 1 else f"{approval}.{number}"


def digest(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def no_such_approval(approval: str) -> NotFound:
    """The one answer for approvals that do not exist and approvals of other tenants."""
    return NotFound(
        f"There is no approval {approval!r}: it was never asked for, or Temporal's retention removed it."
    )


def valid_approval(value: str) -> bool:
    return valid_segment(value)
