"""Keys under which a run's context travels: Temporal headers, memo and the first argument.

The SDK keeps its own copy (it must not depend on this package); a test holds the two together.
`correlation_id` and `x-correlation-id` repeat the trace id for applications built on the Atlan
application SDK, which read those keys.
"""

TRACE_ID = "trace_id"
ARGO_WORKFLOW = "atlan-argo-workflow-id"
ARGO_NODE = "atlan-argo-workflow-node"
TENANT = "tenant"
TRACEPARENT = "traceparent"
CORRELATION_ID = "correlation_id"
CORRELATION_HEADER = "x-correlation-id"

CONTEXT_KEYS = (TRACE_ID, ARGO_WORKFLOW, ARGO_NODE, TENANT, TRACEPARENT, CORRELATION_ID)
"""Keys that the bridge adds to a run's first argument; a caller's input may not set them otherwise."""

MEMO_RUN = "crossover"
"""Memo key of the bridge's own record of a run: fingerprint, argo, on_cancel, outputs, ..."""

MEMO_PROGRESS = "crossover_progress"
"""Memo and heartbeat key of progress, a string such as `3/7` or `3/7 tables`."""

SEARCH_TRACE_ID = "CrossoverTraceId"
"""Search attribute (Keyword) that is set when the Temporal namespace has it registered. The tenant needs
none: it is the beginning of the workflow id."""

SEARCH_VARIANT = "CrossoverVariant"
"""Search attribute (Keyword): `crossover` or `shadow`, for runs that were decided by a flag."""

SEARCH_MODE = "CrossoverMode"
"""Search attribute (Keyword): how the run is tied to its Argo node. It narrows the sweeps for what is owed to
suspend nodes, and for runs whose node is over."""

SEARCH_ATTRIBUTES = (SEARCH_TRACE_ID, SEARCH_VARIANT, SEARCH_MODE)

IDEMPOTENCY_HEADER = "Idempotency-Key"
"""HTTP header naming one attempt to start: repeats of it never start a second run."""

RETRY_HEADER = "Crossover-Retry"
"""HTTP header (`1`) by which a caller says that an earlier start with the same key may have happened."""
