"""A machine within the machine: processes, mounts and a network of its own.

The kernel ends what runs in namespaces together with their first process, and takes mounts, interfaces and
packet rules along. So a node leaves nothing behind, however it ends, and needs no list of what it has done.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from testbed.kubernetes.commands import leave, run

BORN_WITHIN = 10.0
GONE_WITHIN = 30.0

PRIVATE = ("kubelet", "cni")
"""Folders of /var/lib whose paths kubelet and containerd do not let us choose."""

MACHINE_WIDE = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""Settings below /proc/sys that kubelet changes (its container manager) and no namespace holds apart."""


class Node:
    """The namespaces that belong to `folder`. Their first process is `pause`, called with the folder's name:
    by that it is found, also by those who did not start it."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._pause = [str(programs / "pause"), str(folder)]

    @property
    def init(self) -> psutil.Process | None:
        """The first process, as the machine sees it; None when there is no node."""
        return next((each for each in self._makers() if _cmdline(each) == self._pause), None)

    def create(self, log: Path) -> None:
        """Makes it. /run is empty there, what lies at PRIVATE is kept below the folder, and MACHINE_WIDE
        settings are files that nobody heeds. Raises Failed, TimeoutError."""
        flags = ("--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child=KILL")
        leave(["unshare", *flags, *self._pause], log)
        until = time.monotonic() + BORN_WITHIN
        while not self.init:
            if time.monotonic() > until:
                raise TimeoutError("The kernel did not give the node its namespaces in time.")
            time.sleep(0.01)
        self._mount()

    def run(self, *command: str, said: str = "") -> str:
        """What `command` says when it runs there. Raises Failed."""
        return run([*self._enter(), *command], said=said)

    def start(self, command: Sequence[str], log: Path) -> None:
        """It runs until it ends or the node does; its output goes to `log`."""
        leave(command, log, before=self._enter())

    def processes(self) -> dict[str, psutil.Process]:
        """What runs there by the path that it was called with, containers left out."""
        if not (init := self.init):
            return {}
        home = _pid_namespace(init.pid)
        inside = [each for each in _descendants(init) if _pid_namespace(each.pid) == home]
        return {called[0]: each for each in reversed(inside) if (called := _cmdline(each))}

    def end(self) -> None:
        """Returns once nothing of it is left. Raises TimeoutError."""
        until = time.monotonic() + GONE_WITHIN
        while makers := self._makers():
            if time.monotonic() > until:
                raise TimeoutError(f"A process of the node does not end: {makers}.")
            for each in makers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            time.sleep(0.02)

    def _makers(self) -> list[psutil.Process]:
        """The first process, and the one that made the namespaces and waits for it."""
        return [each for each in psutil.process_iter() if _cmdline(each)[-2:] == self._pause]

    def _enter(self) -> list[str]:
        init = self.init
        if init is None:
            raise ProcessLookupError(f"There is no node of {self._folder}.")
        return ["nsenter", f"--target={init.pid}", "--mount", "--net", "--pid", "--"]

    def _mount(self) -> None:
        self.run("mount", "-t", "tmpfs", "tmpfs", "/run")
        for folder in PRIVATE:
            source, target = self._folder / "var" / folder, Path("/var/lib", folder)
            source.mkdir(parents=True, exist_ok=True)
            target.mkdir(exist_ok=True)
            self.run("mount", "--bind", str(source), str(target))
        for name in MACHINE_WIDE:
            setting, copy = Path("/proc/sys", name), self._folder / "var" / name.replace("/", ".")
            copy.write_text(setting.read_text())
            self.run("mount", "--bind", str(copy), str(setting))
        self.run("mount", "--make-rshared", "/")  # kubelet's mounts must reach containerd's


def remove_mount_points() -> None:
    """Not while another node uses them: the kernel would take its mounts away with the folders."""
    for folder in PRIVATE:
        with contextlib.suppress(OSError):  # not there, or somebody else's, with something in it
            Path("/var/lib", folder).rmdir()


def _cmdline(process: psutil.Process) -> list[str]:
    """Empty when it has just ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def _pid_namespace(pid: int) -> int:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/ns/pid").stat().st_ino
    return 0
