"""`crossover bridge|agent|log-streamer serve`: services load nothing that only people at a terminal need."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from crossover.identity.settings import IdentitySettings
from crossover.telemetry import configure_logging

Settings = TypeVar("Settings", bound=IdentitySettings)


def serve_bridge() -> None:
    """Serve the bridge; it is set up by CROSSOVER_BRIDGE_* variables (docs/settings.md)."""
    from bridge.server import serve
    from bridge.settings import BridgeSettings

    _serve("bridge", BridgeSettings, serve)
    _leave()


def serve_agent() -> None:
    """Serve WorkflowTaskSets; it is set up by CROSSOVER_AGENT_* variables (docs/settings.md)."""
    from bridge.agent import serve
    from bridge.agent_settings import AgentSettings

    _serve("agent", AgentSettings, serve)
    _leave()


def serve_logs() -> None:
    """Serve log feeds; it is set up by CROSSOVER_LOG_STREAMER_* variables (docs/settings.md)."""
    from log_streamer.server import serve
    from log_streamer.settings import LogStreamerSettings

    _serve("log-streamer", LogStreamerSettings, serve)


SERVICES = {"bridge": serve_bridge, "agent": serve_agent, "log-streamer": serve_logs}


def _serve(name: str, kind: type[Settings], serve_until_told: Callable[[Settings], None]) -> None:
    """Settings that are wrong end it with their names, before anything is opened."""
    try:
        if unknown := kind.unknown_variables():
            raise ValueError("; ".join(unknown))
        settings = kind()
        configure_logging(settings.log_level, json=settings.log_json)
        serve_until_told(settings)
    except (ValueError, OSError) as error:
        raise SystemExit(f"crossover {name} serve: {kind.words(error)}") from None


def _leave() -> None:
    """temporalio's core may crash while the interpreter tears it down
    (https://github.com/temporalio/sdk-python/issues/300); all work is done and flushed by now."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
