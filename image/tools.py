"""Programs that the build calls: each with a limit, and a sentence when it is missing or fails."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from image.machine import Missing, Unbuildable


def program(name: str, package: str) -> str:
    """Its path. Raises Missing, naming Debian's package."""
    if found := shutil.which(name):
        return found
    raise Missing(f"The image needs `{name}`, which is not on PATH; on Debian: apt-get install {package}")


def run(
    args: Sequence[str],
    *,
    within: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    given: bytes = b"",
) -> bytes:
    """What the program printed, after at most `within` seconds. Raises Unbuildable with its last words."""
    try:
        done = subprocess.run(
            args, input=given, env=env, cwd=cwd, capture_output=True, timeout=within, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unbuildable(f"`{Path(args[0]).name}` took longer than {within:g} s.") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-1500:] or "nothing"
        raise Unbuildable(f"`{Path(args[0]).name}` failed with {done.returncode}, and said:\n{said}")
    return done.stdout
