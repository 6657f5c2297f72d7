"""Lists of executions from Temporal's visibility, page by page, and the tokens that callers bring back."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Sequence

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest

from bridge.temporal.rpc import Rpc
from crossover.errors import InvalidField, InvalidRequest, NoAnswer

ROWS = 1000
"""Rows of one page: the most that Temporal gives by default."""


class Listing:
    """A page is one call."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def pages(
        self, namespace: str, query: str, rows: int = ROWS
    ) -> AsyncIterator[Sequence[WorkflowExecutionInfo]]:
        """All that there are, `rows` at a time."""
        token = b""
        while True:
            page, token = await self._page(namespace, query, rows, token)
            yield page
            if not token:
                return

    async def everything(self, namespace: str, query: str, rows: int = ROWS) -> list[WorkflowExecutionInfo]:
        return [info async for page in self.pages(namespace, query, rows) for info in page]

    async def page(
        self, namespace: str, query: str, rows: int, token: bytes, *, given: bool
    ) -> tuple[Sequence[WorkflowExecutionInfo], bytes]:
        """A token that is none makes the server's store fail, which looks like an outage: repeating that
        for ten seconds would help nobody.

        Args:
            given: whether a caller has brought the first token.
        Raises:
            InvalidField: the token is none of this list's.
        """
        try:
            return await self._page(namespace, query, rows, token, retry=not given)
        except (InvalidRequest, NoAnswer):
            if not given:
                raise
            raise no_token() from None

    async def _page(
        self, namespace: str, query: str, rows: int, token: bytes, *, retry: bool = True
    ) -> tuple[Sequence[WorkflowExecutionInfo], bytes]:
        request = ListWorkflowExecutionsRequest(
            namespace=namespace, query=query, page_size=rows, next_page_token=token
        )
        reply = await self._rpc.call(
            "ListWorkflowExecutions", self._rpc.service.list_workflow_executions, request, retry=retry
        )
        return reply.executions, reply.next_page_token


def decoded(token: str | None) -> bytes:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True) if token else b""
    except (binascii.Error, ValueError):
        raise no_token() from None


def encoded(token: bytes) -> str | None:
    return base64.urlsafe_b64encode(token).decode() if token else None


def no_token() -> InvalidField:
    return InvalidField("page_token is not one that this listing returned.", field="page_token")
