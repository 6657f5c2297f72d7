"""From gRPC's status codes to our errors."""

from __future__ import annotations

from temporalio.service import RPCError, RPCStatusCode

from crossover.errors import (
    Busy,
    Conflict,
    CrossoverError,
    Internal,
    InvalidField,
    InvalidRequest,
    NoAnswer,
    NotFound,
    Rejected,
    Unavailable,
    cut,
)

_TOO_LARGE = ("grpc: received message", "exceeds limit", "size exceeds")


def _is_namespace(error: RPCError) -> bool:
    return any("NamespaceNotFound" in detail.type_url for detail in error.grpc_status.details)


def from_rpc(error: RPCError, call: str) -> CrossoverError:
    """The error a caller gets for a failed Temporal call."""
    text = cut(error.message)
    if any(mark in error.message for mark in _TOO_LARGE):
        # An oversized message comes as INVALID_ARGUMENT or, beyond gRPC's own 4 MB, as a
        # RESOURCE_EXHAUSTED that no retry will ever cure.
        return InvalidField(f"The input is larger than Temporal takes in one payload: {text}", field="input")
    if error.status is RPCStatusCode.NOT_FOUND and _is_namespace(error):
        return Unavailable(f"Temporal has not been set up for this tenant: {text}", retry_after=10)
    match error.status:
        case RPCStatusCode.NOT_FOUND:
            return NotFound(f"Temporal knows no such thing: {text}")
        case RPCStatusCode.INVALID_ARGUMENT:
            return InvalidRequest(f"Temporal refused the request: {text}")
        case RPCStatusCode.RESOURCE_EXHAUSTED:
            return Busy(f"Temporal is at a limit of its own: {text}", retry_after=1)
        case RPCStatusCode.ALREADY_EXISTS | RPCStatusCode.FAILED_PRECONDITION | RPCStatusCode.ABORTED:
            return Conflict(f"Temporal refused: {text}")
        case RPCStatusCode.UNIMPLEMENTED | RPCStatusCode.OUT_OF_RANGE:
            return Rejected(f"This Temporal server cannot do that: {text}")
        case RPCStatusCode.PERMISSION_DENIED | RPCStatusCode.UNAUTHENTICATED:
            return Unavailable(f"Temporal refuses the bridge's own credential: {text}", retry_after=5)
        case RPCStatusCode.UNAVAILABLE:
            return Unavailable(f"Temporal cannot be reached: {text}", retry_after=2)
        case RPCStatusCode.DEADLINE_EXCEEDED | RPCStatusCode.CANCELLED | RPCStatusCode.UNKNOWN:
            # A frozen server shows as CANCELLED "Timeout expired": the call may have happened.
            return NoAnswer(f"Temporal did not answer {call} in time: {text}", retry_after=1)
        case _:
            return Internal(f"Temporal failed at {call}: {text}", retry_after=1)
