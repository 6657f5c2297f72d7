"""The request that starts a run, or attaches to the one this Argo node already has."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from crossover.cli.step.options import Options


def start_body(options: Options) -> bytes:
    """The body of `POST /v1/runs`, made once: every repeat of the request sends the same bytes."""
    body: dict[str, Any] = {
        "app": options.app,
        "workflow_type": options.workflow_type,
        "task_queue": options.task_queue,
        "input": options.input,
        "argo": asdict(options.argo),
        "trace_id": options.trace_id,
        "decision": options.decision,
        "execution_timeout": options.execution_timeout,
        "on_cancel": options.on_cancel,
        "cancel_grace": options.cancel_grace,
        "scope": options.scope,
        "outputs": options.outputs or None,
    }
    return json.dumps(
        {key: value for key, value in body.items() if value is not None}, allow_nan=False
    ).encode()
