"""Commands of the machine: run to their end within a limit, or left running."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from testbed.kubernetes.machine import PATH

WITHIN = 20.0


class Failed(Exception):
    """A command did not do what it was to do, and what it said."""


def run(command: Sequence[str], *, said: str = "", within: float = WITHIN) -> str:
    """Its output, after it was `said` that. Raises Failed.

    Of our environment, it gets nothing but the usual PATH.
    """
    try:
        done = subprocess.run(
            command,
            env={"PATH": PATH},
            input=said,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{' '.join(command)}: {error}") from error
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


def leave(command: Sequence[str], log: Path, *, before: Sequence[str] = ()) -> None:
    """Starts what outlives us, in a session of its own; its output goes to `log`. Raises Failed.

    Args:
        before: a command that runs this one, such as one that enters namespaces.
    """
    detached = [*before, "setsid", "--fork", *command]
    try:
        with log.open("ab") as output:
            subprocess.run(
                detached,
                env={"PATH": PATH},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=WITHIN,
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(f"{' '.join(detached)}: {error}") from error
