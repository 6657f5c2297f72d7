"""The scripted feed, and the command that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_logs.programs import FeedServer


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[FeedServer]:
    server = FeedServer(tmp_path / "script.json")
    yield server
    server.kill()
