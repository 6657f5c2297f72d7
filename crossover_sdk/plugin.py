"""The one thing that a Temporal application adds to its client."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from crossover_sdk.interceptors import INTERCEPTOR
from crossover_sdk.logs import Format, install_logging


class CrossoverPlugin(SimplePlugin):
    """Carries a run's context everywhere and puts its trace id on every log line.

    Give it to the client; workers made from that client inherit it:
    `await Client.connect(address, plugins=[CrossoverPlugin()])`.

    Args:
        log_format: what to configure when the application has no log handler; its own handlers keep
            their format and get the trace id. None leaves logging alone.
        log_level: the level for that configuration.
    """

    def __init__(self, *, log_format: Format | None = "logfmt", log_level: int | str = logging.INFO) -> None:
        @asynccontextmanager
        async def logging_installed() -> AsyncIterator[None]:
            if log_format is not None:
                install_logging(log_format, log_level)
            yield

        super().__init__(
            "crossover",
            interceptors=[INTERCEPTOR],
            workflow_runner=_passing_through,
            run_context=logging_installed,
        )


def _passing_through(runner: WorkflowRunner | None) -> WorkflowRunner:
    """Workflow code must see the same `crossover_sdk` as the interceptors, not a copy per run."""
    runner = runner or SandboxedWorkflowRunner()
    if isinstance(runner, SandboxedWorkflowRunner):
        return replace(runner, restrictions=runner.restrictions.with_passthrough_modules("crossover_sdk"))
    return runner
