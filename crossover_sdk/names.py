"""Keys under which a run's context travels.

A copy of what the bridge writes (`crossover.contract.names`): the SDK is installed without the bridge's
packages. A test holds the two equal.
"""

TRACE_ID = "trace_id"
ARGO_WORKFLOW = "atlan-argo-workflow-id"
ARGO_NODE = "atlan-argo-workflow-node"
TENANT = "tenant"
TRACEPARENT = "traceparent"
CORRELATION_ID = "correlation_id"
CORRELATION_HEADER = "x-correlation-id"

TRACE_KEYS = (TRACE_ID, CORRELATION_HEADER, CORRELATION_ID)
"""Where a trace id is looked for, best first: the Atlan application SDK writes only the latter two."""

MEMO_PROGRESS = "crossover_progress"
"""Memo and heartbeat key of progress, a string such as `3/7` or `3/7 tables`."""

HEARTBEAT_DETAILS = "details"
"""Heartbeat key of what an activity itself wants to find again after a retry."""
