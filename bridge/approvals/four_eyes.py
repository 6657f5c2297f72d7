"""Four eyes: whoever started the work may not approve it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bridge.approvals.record import ApprovalRecord

_PREFIX = "workflows.argoproj.io/"
_LABELS = ("creator", "creator-email", "creator-preferred-username")
"""Argo Server sets them to the subject, e-mail and user name of whoever submitted the workflow.
Source: argo-workflows, workflow/creator (labels), docs/workflow-creator.md."""

_NO_LABEL = re.compile(r"[^-_.a-zA-Z0-9]")
_LABEL_LIMIT = 63


def part_in_it(who: str, record: ApprovalRecord, workflow: Mapping[str, Any] | None) -> str | None:
    """In what way `who` has asked for the work itself, or None.

    Args:
        workflow: the Argo workflow that it belongs to, None where there is none.
    """
    mine = spellings(who)
    for role, name in _people(record, workflow or {}):
        if name and mine & spellings(name):
            return role
    return None


def spellings(name: str) -> frozenset[str]:
    """A name as it is and as Argo writes it into a label. Two names that only might be one person's count as
    one: that costs a second approver, the other way round costs the second pair of eyes."""
    return frozenset({name.casefold(), _label(name), _label(name.replace("@", ".at.", 1))})


def _people(record: ApprovalRecord, workflow: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "asked for this approval", record.starter
    yield "is the one this was requested for", record.requested_by
    metadata = workflow.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    if isinstance(labels, Mapping):
        values = (labels.get(_PREFIX + label) for label in _LABELS)
        yield from (("submitted the Argo workflow", value) for value in values if isinstance(value, str))


def _label(name: str) -> str:
    """Source: argo-workflows, workflow/creator: what a label may not hold becomes `-`, the end is kept."""
    return _NO_LABEL.sub("-", name)[-_LABEL_LIMIT:].strip("-_.").casefold()
