"""A Temporal workflow that waits for approvals."""

from __future__ import annotations

from temporalio import workflow

QUEUE = "approvals"


@workflow.defn(name="Patient")
class Patient:
    """Waits for approvals, and returns all of them; continues as new when it is told to."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        self.again = False

    @workflow.run
    async def run(self, enough: int) -> list[dict[str, str]]:
        await workflow.wait_condition(lambda: len(self.heard) >= enough or self.again)
        if self.again:
            workflow.continue_as_new(enough)
        return self.heard

    @workflow.signal
    def approved(self, told: dict[str, str]) -> None:
        self.heard.append(told)

    @workflow.signal
    def anew(self) -> None:
        self.again = True

    @workflow.query
    def so_far(self) -> list[dict[str, str]]:
        return self.heard
