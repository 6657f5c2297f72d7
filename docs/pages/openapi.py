"""docs/openapi-*.json: the services' HTTP APIs, as they also serve them at /openapi.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.app import create_app as create_bridge
from bridge.settings import BridgeSettings
from log_streamer.app import create_app as create_log_streamer
from log_streamer.settings import LogStreamerSettings


def bridge() -> dict[str, Any]:
    # `model_construct` takes the defaults alone: the environment of whoever runs this must not show.
    return create_bridge(BridgeSettings.model_construct()).openapi()


def log_streamer() -> dict[str, Any]:
    return create_log_streamer(LogStreamerSettings.model_construct(local_runs=Path("runs"))).openapi()


def rendered(document: Callable[[], dict[str, Any]]) -> Callable[[], str]:
    return lambda: json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
