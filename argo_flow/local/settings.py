"""What steps inherit of this process's environment: a container would have nothing of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

INHERITED = ("HOME", "LANG", "LC_ALL", "LOGNAME", "SHELL", "TZ", "USER")


def inherited(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of INHERITED, and PATH with this interpreter's programs first.

    The image's programs are then those of this installation: `crossover` is its own console script.
    """
    source = os.environ if environment is None else environment
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join([own, source.get("PATH", os.defpath)])
    return {name: source[name] for name in INHERITED if name in source} | {"PATH": path}


def color_wanted() -> bool:
    """Whether nobody asked for output without colours (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
