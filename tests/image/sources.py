"""The sources at one moment: nobody edits them while they are built."""

from __future__ import annotations

import shutil
from pathlib import Path

_UNNEEDED = shutil.ignore_patterns(
    ".git", ".venv", ".testbed", ".demo", ".*_cache", "__pycache__", "dist", "tests", "bench"
)


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, ignore=_UNNEEDED, copy_function=shutil.copyfile)
    return target
