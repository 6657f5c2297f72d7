"""Builds etcd and kube-apiserver from the Go modules that go.mod pins, into `.testbed/bin`.

About five minutes on two cores with Go's caches cold; nothing when they are there already.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent
HOME = MODULE.parents[1] / ".testbed"
BIN = HOME / "bin"

BUILD_WITHIN = 1500.0
"""Seconds for everything, waiting for another build of it included."""

KUBERNETES = "1.34.4"
ETCD = "3.6.4"

_STAMPS = {"gitVersion": f"v{KUBERNETES}", "gitMajor": "1", "gitMinor": KUBERNETES.split(".")[1]}


class Unbuilt(Exception):
    """The programs are not there, and why: a sentence for people."""


@dataclass(frozen=True)
class GoProgram:
    """A main package of a pinned module, and what its linker is told."""

    name: str
    package: str
    ldflags: str = "-s -w"

    def stamp(self) -> str:
        """Another one when the pins, or how it is built, have changed."""
        pins = [(MODULE / name).read_bytes() for name in ("go.mod", "go.sum")]
        return hashlib.sha256(b"\0".join([*pins, repr(self).encode()])).hexdigest()


# Without the stamps Kubernetes' programs call themselves v0.0.0-master.
_VERSION = " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in _STAMPS.items())

PROGRAMS = (
    GoProgram("etcd", "go.etcd.io/etcd/server/v3"),
    GoProgram("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver", f"-s -w {_VERSION}"),
)


def build(within: float = BUILD_WITHIN, into: Path = BIN) -> Path:
    """The folder that holds the programs, after at most `within` seconds. Raises Unbuilt."""
    if not _missing(into):
        return into
    into.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + within
    with _alone(into / "lock", until):
        for program in _missing(into):
            _build(program, into, until)
    return into


def _missing(folder: Path) -> list[GoProgram]:
    return [program for program in PROGRAMS if not _is_built(program, folder)]


def _is_built(program: GoProgram, folder: Path) -> bool:
    stamp = _stamp_file(program, folder)
    return (folder / program.name).exists() and stamp.exists() and stamp.read_text() == program.stamp()


def _stamp_file(program: GoProgram, folder: Path) -> Path:
    return folder / f"{program.name}.stamp"


@contextmanager
def _alone(lock: Path, until: float) -> Generator[None, None, None]:
    """One build at a time on this machine; the kernel lets go of the lock of a process that has died."""
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Unbuilt("Another build of the control plane did not end in time.") from None
                time.sleep(0.2)
        yield


def _build(program: GoProgram, into: Path, until: float) -> None:
    """The stamp is written last, and the program appears whole: a build that was killed is done again."""
    fresh, log = into / f"{program.name}.new", into / f"{program.name}.log"
    go = _go()
    args = ["nice", "-n", "10", go, "build", "-mod=readonly", "-buildvcs=false"]
    args += ["-ldflags", program.ldflags, "-o", str(fresh), program.package]
    _stamp_file(program, into).unlink(missing_ok=True)
    _run(program.name, args, log, until)
    fresh.replace(into / program.name)
    _stamp_file(program, into).write_text(program.stamp())


def _run(name: str, args: list[str], log: Path, until: float) -> None:
    with log.open("wb") as output:
        process = subprocess.Popen(
            args, cwd=MODULE, env=_environment(), stdout=output, stderr=output, start_new_session=True
        )
    try:
        code = process.wait(max(until - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise Unbuilt(f"Building {name} took too long; its output is in {log}.") from None
    finally:
        _end(process)
    if code != 0:
        raise Unbuilt(f"{name} cannot be built; the end of {log} says: {_last_line(log)}")


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


def _go() -> str:
    """Raises Unbuilt: there is no Go, or it is older than go.mod asks for."""
    needed = _version(r"^go ([\d.]+)$", (MODULE / "go.mod").read_text())
    go = shutil.which("go")
    if go is None:
        raise Unbuilt(f"The control plane needs Go {_text(needed)} or newer, and no `go` is on PATH.")
    said = subprocess.run([go, "version"], env=_environment(), capture_output=True, timeout=30, check=False)
    found = _version(r"\bgo(\d[\d.]*)", said.stdout.decode())
    if found < needed:
        raise Unbuilt(f"The control plane needs Go {_text(needed)} or newer; {go} is {_text(found)}.")
    return go


def _version(pattern: str, text: str) -> tuple[int, ...]:
    found = re.search(pattern, text, re.MULTILINE)
    return tuple(int(part) for part in found[1].strip(".").split(".")) if found else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
