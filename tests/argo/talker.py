"""Runs that end when a test says so."""

from __future__ import annotations

from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode


async def finish(run: WorkflowHandle[Any, Any], signal: str = "say", word: Any = "done") -> None:
    """The client repeats a signal whose answer is late: by then the run may be over, because of it."""
    try:
        await run.signal(signal, word)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
