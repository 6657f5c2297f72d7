"""Two builds of one state are one image."""

from __future__ import annotations

from pathlib import Path

import pytest

from image.build import ROOT, archive, build
from image.cache import Cache
from image.machine import Machine, Missing
from image.provenance import provenance
from tests.image.sources import copied

# Both build everything, on two cores that may be busy with more.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Copies of what our wheel is made of, with other names and times."""
    return [copied(ROOT, tmp_path / name) for name in ("one", "the-other")]


def test_two_builds_from_nothing_have_the_same_digest(machine: Machine, sources: list[Path]) -> None:
    made = provenance(ROOT, "1795274889")
    try:
        images = [build(machine, Cache(source / "cache"), source) for source in sources]
    except Missing as error:
        pytest.skip(str(error))
    trees = [[layer.tree() for layer in image.layers] for image in images]
    for first, second in zip(*trees, strict=True):
        assert list(first.beyond(second).nodes) == []
    first_digest, second_digest = (archive(image, "x.y/z:1", machine, made).digest for image in images)
    assert first_digest == second_digest


def test_the_time_of_an_image_is_its_sources_not_the_clock() -> None:
    made = provenance(ROOT, "1795274889")
    assert made.created.isoformat() == "2026-11-21T15:28:09+00:00"
