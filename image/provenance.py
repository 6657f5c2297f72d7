"""Which state of the sources an image was made of, and when that state was."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from image.tree import MTIME


@dataclass(frozen=True)
class Provenance:
    created: datetime
    """Of the sources, never of the build: two builds of one state are the same."""

    revision: str
    """A commit, with `-dirty` where files differ from it; empty where there is no git."""


def provenance(source: Path, epoch: str | None) -> Provenance:
    """`epoch`: the value of SOURCE_DATE_EPOCH, in seconds since 1970; by default the commit's time."""
    seconds = epoch or _git(source, "log", "-1", "--format=%ct") or MTIME
    return Provenance(datetime.fromtimestamp(int(seconds), UTC), _revision(source))


def _revision(source: Path) -> str:
    commit = _git(source, "rev-parse", "HEAD")
    dirty = commit and _git(source, "status", "--porcelain")
    return f"{commit}-dirty" if dirty else commit


def _git(source: Path, *words: str) -> str:
    if not shutil.which("git"):
        return ""
    done = subprocess.run(["git", "-C", str(source), *words], capture_output=True, timeout=60, check=False)
    return done.stdout.decode().strip() if done.returncode == 0 else ""
