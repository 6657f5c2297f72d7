"""The repository as git sees it: what is tracked, and what is new and not ignored."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = frozenset(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))


def files() -> list[Path]:
    """Every file that a clone or the next commit has. Skips the test where there is no git, or no clone."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a clone")
    listed = subprocess.run(
        [git, "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts() -> dict[str, str]:
    """The files that hold text, by their path from the root."""
    contents = {path: path.read_bytes() for path in files()}
    return {
        path.relative_to(ROOT).as_posix(): content.decode("utf-8", "replace")
        for path, content in contents.items()
        if b"\0" not in content
    }


def pages() -> dict[str, str]:
    """The Markdown among them."""
    return {name: text for name, text in texts().items() if name.endswith(".md")}
