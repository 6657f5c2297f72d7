"""Our two images, as the sources are now."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from image.machine import Unbuildable as Unbuildable
from tests.cluster.site import Images

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dist"
WITHIN = 900
INSIDE = (
    *("argo_flow", "argo_templates", "bridge", "crossover", "crossover_sdk", "log_streamer"),
    *("examples", "image", "testbed/trial"),
)
"""Folders that the images are made of."""

CROSSOVER = "testbed.local/crossover:0.1.0"
TRIAL = "testbed.local/trial:1"


@cache
def built_images() -> tuple[Images, list[Path]]:
    """Their names and archives. Raises Unbuildable."""
    crossover, trial = FOLDER / "crossover.oci.tar", FOLDER / "trial.oci.tar"
    if _stale(crossover):
        _run("image", "--name", CROSSOVER, "--output", str(crossover))
    if _stale(trial):
        _run("testbed.trial", "--name", TRIAL, "--output", str(trial))
    return Images(CROSSOVER, TRIAL), [crossover, trial]


def _stale(archive: Path) -> bool:
    """Whether something that is in it has changed since."""
    sources = [ROOT / name for name in ("pyproject.toml", "requirements/runtime.txt")]
    sources += [
        file for folder in INSIDE for file in (ROOT / folder).rglob("*") if "__pycache__" not in file.parts
    ]
    newest = max(source.stat().st_mtime for source in sources)
    return not archive.exists() or archive.stat().st_mtime < newest


def _run(module: str, *words: str) -> None:
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN, check=False)
    if done.returncode:
        raise Unbuildable(f"python -m {module}: {done.stderr.strip()[-500:]}")
