"""What is said of an approval: to Argo's node, to the waiting run, in the audit. Pure."""

from __future__ import annotations

from bridge.approvals.record import Kept, State


def sentence(kept: Kept) -> str:
    """`approved by alice: looks right`."""
    if kept.state is State.EXPIRED:
        return f"expired: nobody decided by {kept.expires_at.isoformat(timespec='seconds')}"
    return f"{kept.state.value} by {who(kept)}" + (f": {reason(kept)}" if reason(kept) else "")


def outputs(kept: Kept) -> dict[str, str]:
    """Output parameters of the suspend node, where its template declares them."""
    return {"decision": kept.state.value, "decided-by": who(kept), "reason": reason(kept)}


def argument(kept: Kept) -> dict[str, str]:
    """What the signal carries."""
    return {
        "approval": kept.id,
        "decision": kept.state.value,
        "who": who(kept),
        "reason": reason(kept),
    }


def who(kept: Kept) -> str:
    return kept.verdict.who if kept.verdict else ""


def reason(kept: Kept) -> str:
    return kept.verdict.reason if kept.verdict else sentence(kept)


def waiting(kept: Kept) -> str:
    """What waits for it, by name."""
    node, run = kept.record.argo, kept.record.run
    parts = [f"{node.namespace}/{node.workflow}" if node else "", run.id if run else ""]
    return " and ".join(filter(None, parts))
