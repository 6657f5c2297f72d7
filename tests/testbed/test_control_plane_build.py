"""What a person reads when the control plane cannot be built, with a `go` that is not quite one."""

from __future__ import annotations

import os
import shlex
import threading
import time
from pathlib import Path

import psutil
import pytest

from testbed.kubernetes.build import Unbuilt, build
from testbed.servers import PATIENCE


def put_go(folder: Path, monkeypatch: pytest.MonkeyPatch, *, version: str, builds: str) -> None:
    """A `go` before any other: what it calls itself, and the shell command that it builds with."""
    program = folder / "go"
    program.write_text(f"""#!/bin/sh
[ "$1" = version ] && echo go version go{version} linux/amd64 && exit
{builds}
""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def ends(pid: int) -> bool:
    """A process that was killed is there for a moment more; as a zombie, until somebody has asked for it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_without_go_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unbuilt, match="no `go` is on PATH"):
        build(into=tmp_path / "bin")


def test_a_go_that_is_too_old_is_told_which_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_go(tmp_path, monkeypatch, version="1.19.8", builds="exit 0")
    with pytest.raises(Unbuilt, match=r"needs Go 1\.24\.0 or newer; .*/go is 1\.19\.8"):
        build(into=tmp_path / "bin")


def test_a_build_that_fails_quotes_what_go_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_go(tmp_path, monkeypatch, version="9.0.0", builds="echo no such module >&2; exit 1")
    with pytest.raises(Unbuilt, match=r"etcd cannot be built; the end of .* says: no such module"):
        build(into=tmp_path / "bin")


def test_a_build_that_takes_too_long_is_ended_with_its_compilers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "compiler"
    slow = f"sleep 600 & echo $! > {shlex.quote(str(pid))}; wait"
    put_go(tmp_path, monkeypatch, version="9.0.0", builds=slow)
    with pytest.raises(Unbuilt, match="Building etcd took too long"):
        build(within=8, into=tmp_path / "bin")
    compiler = int(pid.read_text())
    assert ends(compiler)


def test_two_at_once_build_once_and_a_third_builds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = tmp_path / "built"
    # go build -mod -buildvcs -ldflags FLAGS -o FILE PACKAGE
    writes = f'echo "$8" >> {shlex.quote(str(built))}; sleep 0.2; echo program > "$7"'
    put_go(tmp_path, monkeypatch, version="9.0.0", builds=writes)
    both = [threading.Thread(target=build, kwargs={"into": tmp_path / "bin"}) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join(PATIENCE)
    build(into=tmp_path / "bin")
    assert built.read_text().split() == [
        "go.etcd.io/etcd/server/v3",
        "k8s.io/kubernetes/cmd/kube-apiserver",
    ]
