"""The bridge's record of a run, kept in the run's own memo: the bridge itself stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crossover.contract import names
from crossover.contract.run import ArgoNode, Mode, OnCancel

DEFAULT_GRACE = 30.0
"""Seconds between cancel and terminate: what Kubernetes gives a pod."""

LONGEST_GRACE = 86_400.0
"""Seconds. A day of cleaning up is a workflow of its own."""


@dataclass(frozen=True, slots=True)
class Callback:
    """The suspend node that the run completes: by its id, or by a value that only one of its inputs has."""

    node_id: str | None = None
    input: str = "run"
    value: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What was asked for when the run was started. `cancel_grace` is seconds.

    `fingerprint` and `request_id` are empty for a run that the bridge did not start. `cluster` names where
    its Argo is: to another cluster's Argo the run's workflow looks deleted.
    """

    tenant: str
    trace_id: str
    fingerprint: str = ""
    request_id: str = ""
    app: str | None = None
    argo: ArgoNode | None = None
    on_cancel: OnCancel = OnCancel.CANCEL
    cancel_grace: float = DEFAULT_GRACE
    outputs: Mapping[str, str] | None = None
    decision: Mapping[str, Any] | None = None
    mode: Mode = Mode.STEP
    callback: Callback | None = None
    cluster: str = ""

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
            "decision": self.decision,
            "mode": self.mode.value,
            "callback": asdict(self.callback) if self.callback else None,
            "cluster": self.cluster or None,
        }
        return {key: value for key, value in memo.items() if value is not None}

    @classmethod
    def from_memo(cls, memo: Mapping[str, Any], *, tenant: str) -> RunRecord:
        """Reads a memo that any version, or anybody, may have written: what is odd counts as absent."""
        found = memo.get(names.MEMO_RUN)
        if not isinstance(found, Mapping):
            return cls(tenant, _text(memo.get(names.TRACE_ID)))
        return cls(
            tenant=tenant,
            trace_id=_text(found.get("trace_id")),
            fingerprint=_text(found.get("fingerprint")),
            request_id=_text(found.get("request_id")),
            app=_text(found.get("app")) or None,
            argo=_argo(found.get("argo")),
            on_cancel=_on_cancel(found.get("on_cancel")),
            cancel_grace=_grace(found.get("cancel_grace")),
            outputs=_outputs(found.get("outputs")),
            decision=_decision(found.get("decision")),
            mode=_mode(found.get("mode")),
            callback=_callback(found.get("callback")),
            cluster=_text(found.get("cluster")),
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _argo(value: Any) -> ArgoNode | None:
    if not isinstance(value, Mapping):
        return None
    parts = [value.get(key) for key in ("namespace", "workflow", "uid", "node_name")]
    if not all(isinstance(part, str) for part in parts) or not isinstance(value.get("retries", 0), int):
        return None
    namespace, workflow, uid, node_name = map(str, parts)
    return ArgoNode(namespace, workflow, uid, node_name, value.get("retries", 0))


def _on_cancel(value: Any) -> OnCancel:
    return OnCancel(value) if isinstance(value, str) and value in set(OnCancel) else OnCancel.CANCEL


def _mode(value: Any) -> Mode:
    return Mode(value) if isinstance(value, str) and value in set(Mode) else Mode.STEP


def _callback(value: Any) -> Callback | None:
    if not isinstance(value, Mapping):
        return None
    node_id = _text(value.get("node_id")) or None
    return Callback(node_id, _text(value.get("input")), _text(value.get("value")))


def _grace(value: Any) -> float:
    usable = isinstance(value, int | float) and 0 <= value <= LONGEST_GRACE
    return float(value) if usable else DEFAULT_GRACE


def _outputs(value: Any) -> dict[str, str] | None:
    if not isinstance(value, Mapping):
        return None
    return {name: pointer for name, pointer in value.items() if isinstance(pointer, str)}


def _decision(value: Any) -> dict[str, Any] | None:
    return dict(value) if isinstance(value, Mapping) else None
