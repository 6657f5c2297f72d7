"""The bridge's record of a run, kept in the run's own memo: the bridge itself stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crossover.contract import names
from crossover.contract.run import ArgoNode, OnCancel


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What was asked for when the run was started. `cancel_grace` is seconds.

    `fingerprint` and `request_id` are empty for a run that the bridge did not start.
    """

    tenant: str
    trace_id: str
    fingerprint: str = ""
    request_id: str = ""
    app: str | None = None
    argo: ArgoNode | None = None
    on_cancel: OnCancel = OnCancel.CANCEL
    cancel_grace: float = 30.0
    outputs: Mapping[str, str] | None = None

    def to_memo(self) -> dict[str, Any]:
        """Compact: Temporal's clients warn about memos over 2 KB."""
        memo = {
            "tenant": self.tenant,
            "trace_id": self.trace_id,
            "fingerprint": self.fingerprint,
            "request_id": self.request_id,
            "app": self.app,
            "argo": asdict(self.argo) if self.argo else None,
            "on_cancel": self.on_cancel.value,
            "cancel_grace": self.cancel_grace,
            "outputs": self.outputs,
        }
        return {key: value for key, value in memo.items() if value is not None}

    @classmethod
    def from_memo(cls, memo: Mapping[str, Any], *, tenant: str) -> RunRecord:
        """Reads a memo that any version, or anybody, may have written: what is odd counts as absent."""
        found = memo.get(names.MEMO_RUN)
        if not isinstance(found, Mapping):
            return cls(tenant, str(memo.get(names.TRACE_ID, "")))
        outputs = found.get("outputs")
        return cls(
            tenant=tenant,
            trace_id=str(found.get("trace_id", "")),
            fingerprint=str(found.get("fingerprint", "")),
            request_id=str(found.get("request_id", "")),
            app=found.get("app"),
            argo=_argo(found.get("argo")),
            on_cancel=_on_cancel(found.get("on_cancel")),
            cancel_grace=float(found.get("cancel_grace", 30.0)),
            outputs=dict(outputs) if isinstance(outputs, Mapping) else None,
        )


def _argo(value: Any) -> ArgoNode | None:
    if not isinstance(value, Mapping):
        return None
    try:
        return ArgoNode(**value)
    except TypeError:
        return None


def _on_cancel(value: Any) -> OnCancel:
    return OnCancel(value) if value in set(OnCancel) else OnCancel.CANCEL
