"""What a Temporal application installs to be followed through Crossover. See README.md."""

from crossover_sdk.logs import (
    JsonFormatter,
    LogfmtFormatter,
    add_trace_id,
    configure_logging,
    install_logging,
)
from crossover_sdk.plugin import CrossoverPlugin
from crossover_sdk.progress import report_progress
from crossover_sdk.run_context import RunContext
from crossover_sdk.scopes import bind, context, last_details

__all__ = [
    "CrossoverPlugin",
    "JsonFormatter",
    "LogfmtFormatter",
    "RunContext",
    "add_trace_id",
    "bind",
    "configure_logging",
    "context",
    "install_logging",
    "last_details",
    "report_progress",
]
