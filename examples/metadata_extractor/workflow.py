"""`ExtractMetadata`: checks a source, lists it, reads it in parallel batches and writes entities."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from crossover_sdk import report_progress

with workflow.unsafe.imports_passed_through():
    from examples.metadata_extractor import activities
    from examples.metadata_extractor.activities import Part, Parts
    from examples.metadata_extractor.request import STEPS, InvalidRequest, Request, parse, part_size

PARALLEL = 4
"""Batches that are read at the same time: what one source is asked to bear."""

RETRIES = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=10),
    maximum_attempts=4,
)

# A step is repeated when its worker is silent for the heartbeat timeout: after a kill, that long later.
LIMITS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=10),
    "heartbeat_timeout": timedelta(seconds=5),
    "retry_policy": RETRIES,
}


@workflow.defn
class ExtractMetadata:
    """Input: the object that `request.parse` describes. Result: counts, the output directory, entities."""

    def __init__(self) -> None:
        self.done = 0
        self.total = len(STEPS)

    @workflow.run
    async def run(self, input: dict[str, Any]) -> dict[str, Any]:
        request = _parsed(input)
        version = await self._step(activities.check_source, request)
        workflow.logger.info("extracting from %s", version)
        await self._step(activities.list_schemas, request)
        relations = await self._step(activities.list_tables, request)
        parts = await self._fetch(request, relations)
        await self._step(activities.merge_parts, Parts(request, parts))
        counts = await self._step(activities.process, request)
        entities = await self._step(activities.transform, request)
        return {"counts": counts, "output": request.output, "entities": entities}

    async def _fetch(self, request: Request, relations: int) -> int:
        """Read all batches, a few at a time, and give their number."""
        size = part_size(request, relations)
        parts = [Part(request, number, first, size) for number, first in enumerate(range(0, relations, size))]
        self.total += len(parts) - 1
        free = asyncio.Semaphore(PARALLEL)

        async def fetch(part: Part) -> None:
            async with free:
                await self._step(activities.fetch_columns, part)

        await asyncio.gather(*map(fetch, parts))
        return len(parts)

    async def _step(self, step: Any, argument: Any) -> Any:
        result = await workflow.execute_activity(step, argument, **LIMITS)
        self.done += 1
        report_progress(self.done, self.total, "steps")
        return result


def _parsed(input: dict[str, Any]) -> Request:
    try:
        return parse(input)
    except InvalidRequest as error:
        # Any other exception would fail the workflow task over and over instead of the run.
        raise ApplicationError(str(error), type="InvalidRequest", non_retryable=True) from None
