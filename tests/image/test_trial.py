"""The trial image: what the testbed and the chart's trial settings start."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from image.build import CACHE, Image
from image.cache import Cache
from image.machine import Machine
from testbed.trial.contents import COMMANDS, trial
from tests.image.test_runs import contained

pytestmark = pytest.mark.cluster

SAMPLE = """
import sqlite3, examples.metadata_extractor.worker
shop = sqlite3.connect("file:/srv/shop.db?mode=ro", uri=True)
print(shop.execute("select count(*) from sqlite_schema").fetchone()[0])
"""


@pytest.fixture(scope="module")
def with_trial(image: Image, machine: Machine) -> Image:
    return trial(machine, Cache(CACHE))


@pytest.fixture(scope="module")
def trial_root(root: Path, with_trial: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trial")
    with_trial.tree().write_folder(folder)
    folder.chmod(0o755)
    return folder


def _said(root: Path, *args: str) -> str:
    done = subprocess.run(contained(root, *args), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_shares_crossovers_layers(image: Image, with_trial: Image) -> None:
    assert with_trial.layers[: len(image.layers)] == image.layers


def test_its_servers_start(trial_root: Path) -> None:
    assert _said(trial_root, "redis-server", "--version").startswith("Redis server")
    assert _said(trial_root, "temporal", "--version").startswith("temporal version")


def test_the_sample_application_and_its_database_are_there(trial_root: Path) -> None:
    assert int(_said(trial_root, "python", "-c", SAMPLE)) > 300


def test_it_has_a_shell_and_what_scripts_call(trial_root: Path) -> None:
    script = " && ".join(f"command -v {name}" for name in COMMANDS)
    assert len(_said(trial_root, "sh", "-c", script).splitlines()) == len(COMMANDS)
