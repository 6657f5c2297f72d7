from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.step.programs import FakeBridge, StepCommand


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[FakeBridge]:
    bridge = FakeBridge(tmp_path / "bridge.json")
    bridge.start()
    yield bridge
    bridge.kill()


@pytest.fixture
def step(bridge: FakeBridge, tmp_path: Path) -> StepCommand:
    return StepCommand(bridge.url, tmp_path)
