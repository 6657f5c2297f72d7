"""What a service does not use it does not load: it is megabytes of every replica, and time until it
is ready."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

CRYPTOGRAPHY = ["jwt", "cryptography.hazmat"]
KUBERNETES = ["kubernetes", "requests", "oauthlib", "urllib3"]
NOBODYS = ["typer", *CRYPTOGRAPHY, *KUBERNETES, "opentelemetry.exporter.otlp"]
"""For people at a terminal; for callers by OpenID Connect; for kubeconfigs; for collectors of telemetry."""

PUT_TOGETHER = {
    "bridge": ("bridge.app", "bridge.settings", "BridgeSettings", [*NOBODYS, "aiohttp", "jsonschema"]),
    "agent": ("bridge.agent", "bridge.agent_settings", "AgentSettings", [*NOBODYS, "jsonschema"]),
    "log-streamer": (
        "log_streamer.app",
        "log_streamer.settings",
        "LogStreamerSettings",
        [*NOBODYS, "google.protobuf", "temporalio"],
    ),
}
API = {"CROSSOVER_AGENT_KUBERNETES": "in-cluster", "CROSSOVER_LOG_STREAMER_KUBERNETES": "in-cluster"}

PROGRAM = """
import sys
import crossover.cli.serve
from {app} import create_app
from {settings} import {kind}
create_app({kind}())
print(*sys.modules)
"""


@pytest.mark.parametrize("service", PUT_TOGETHER)
def test_a_service_loads_nothing_that_it_does_not_use(service: str) -> None:
    app, settings, kind, unused = PUT_TOGETHER[service]
    loaded = _loaded(PROGRAM.format(app=app, settings=settings, kind=kind), API)
    assert app in loaded
    assert not loaded.intersection(unused)


@pytest.mark.parametrize("service", PUT_TOGETHER)
def test_the_command_serves_without_what_people_at_a_terminal_need(service: str) -> None:
    # A port that is none ends it, once its settings are loaded.
    wrong = {f"CROSSOVER_{service.upper().replace('-', '_')}_LISTEN_PORT": "-1"}
    program = (
        f"import atexit, sys\nsys.argv = ['crossover', {service!r}, 'serve']\n"
        "atexit.register(lambda: print(*sys.modules))\n"
        "from crossover.cli.__main__ import main\nmain()"
    )
    loaded = _loaded(program, {**API, **wrong}, code=1)
    assert "crossover.cli.serve" in loaded
    assert "typer" not in loaded


def test_all_of_these_modules_are_installed() -> None:
    """Else their absence would say nothing."""
    for name in {each for *_, unused in PUT_TOGETHER.values() for each in unused}:
        assert importlib.util.find_spec(name) is not None, name


def _loaded(program: str, env: dict[str, str], code: int = 0) -> set[str]:
    """Names of the modules that the program has loaded in the end."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CROSSOVER_")}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**ours, **env},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert ended.returncode == code, ended.stderr
    return set(ended.stdout.split())
