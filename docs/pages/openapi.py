"""docs/openapi.json: the bridge's HTTP API, as it also serves it at /openapi.json."""

from __future__ import annotations

import json
from typing import Any

from bridge.app import create_app
from bridge.settings import BridgeSettings


def document() -> dict[str, Any]:
    # `model_construct` takes the defaults alone: the environment of whoever runs this must not show.
    return create_app(BridgeSettings.model_construct()).openapi()


def render() -> str:
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
