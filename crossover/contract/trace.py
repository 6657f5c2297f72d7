"""W3C trace context: the `traceparent` string that ties Argo, the bridge and Temporal into one trace."""

from __future__ import annotations

import re

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def valid_traceparent(value: str) -> bool:
    """Whether `value` is a version 00 traceparent (https://www.w3.org/TR/trace-context/#traceparent-header)."""
    return _TRACEPARENT.fullmatch(value) is not None
