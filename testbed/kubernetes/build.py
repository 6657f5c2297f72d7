"""Builds the testbed's programs from pinned Go modules, into `.testbed/bin`.

On two cores with Go's caches cold, the control plane takes about five minutes and the rest as long again;
what is there already takes nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from testbed.kubernetes.locks import alone
from testbed.kubernetes.programs import CONTROL_PLANE, GoProgram

HOME = Path(__file__).parents[2] / ".testbed"
BIN = HOME / "bin"

BUILD_WITHIN = 1500.0
"""Seconds for everything, waiting for another build of it included."""


class Unbuilt(Exception):
    """The programs are not there, and why: a sentence for people."""


def build(
    programs: Sequence[GoProgram] = CONTROL_PLANE, *, within: float = BUILD_WITHIN, into: Path = BIN
) -> Path:
    """The folder that holds `programs`, after at most `within` seconds. Raises Unbuilt."""
    until = time.monotonic() + within
    for program in programs:
        if _is_built(program, into):
            continue
        try:
            # A lock for each program: who needs two must not wait for who builds ten.
            with alone(into / f"{program.name}.lock", until):
                if not _is_built(program, into):
                    _build(program, into, until)
        except TimeoutError:
            raise Unbuilt(f"Another build of {program.name} did not end in time.") from None
    return into


def _is_built(program: GoProgram, folder: Path) -> bool:
    stamp = _stamp_file(program, folder)
    return (folder / program.name).exists() and stamp.exists() and stamp.read_text() == program.stamp()


def _stamp_file(program: GoProgram, folder: Path) -> Path:
    return folder / f"{program.name}.stamp"


def _build(program: GoProgram, into: Path, until: float) -> None:
    """The stamp is written last, and the program appears whole: a build that was killed is done again."""
    fresh, log = into / f"{program.name}.new", into / f"{program.name}.log"
    go = _go(program)
    args = ["nice", "-n", "10", go, "build", "-mod=readonly", "-buildvcs=false"]
    args += ["-ldflags", program.ldflags, "-o", str(fresh), program.package]
    _stamp_file(program, into).unlink(missing_ok=True)
    _run(program, args, log, until)
    fresh.replace(into / program.name)
    _stamp_file(program, into).write_text(program.stamp())


def _run(program: GoProgram, args: list[str], log: Path, until: float) -> None:
    with log.open("wb") as output:
        process = subprocess.Popen(
            args, cwd=program.module, env=_environment(), stdout=output, stderr=output, start_new_session=True
        )
    try:
        code = process.wait(max(until - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise Unbuilt(f"Building {program.name} took too long; its output is in {log}.") from None
    finally:
        _end(process)
    if code != 0:
        raise Unbuilt(f"{program.name} cannot be built; the end of {log} says: {_last_line(log)}")


def _environment() -> dict[str, str]:
    """A Go that is too old is not replaced in silence by one from the network."""
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """The compilers that go started as well: they are in its session."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "nothing"


def _go(program: GoProgram) -> str:
    """Raises Unbuilt: there is no Go, or it is older than the module asks for."""
    needed = _version(r"^go ([\d.]+)$", (program.module / "go.mod").read_text())
    go = shutil.which("go")
    if go is None:
        raise Unbuilt(f"{program.name} needs Go {_text(needed)} or newer, and no `go` is on PATH.")
    said = subprocess.run([go, "version"], env=_environment(), capture_output=True, timeout=30, check=False)
    found = _version(r"\bgo(\d[\d.]*)", said.stdout.decode())
    if found < needed:
        raise Unbuilt(f"{program.name} needs Go {_text(needed)} or newer; {go} is {_text(found)}.")
    return go


def _version(pattern: str, text: str) -> tuple[int, ...]:
    found = re.search(pattern, text, re.MULTILINE)
    return tuple(int(part) for part in found[1].strip(".").split(".")) if found else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
