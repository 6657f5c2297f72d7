"""The container runtime, with folders and a socket of its own, and the images that it is given."""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

from testbed.kubernetes.commands import Failed, run
from testbed.kubernetes.machine import CNI
from testbed.kubernetes.node.network import plugins

PAUSE = "testbed.local/pause:1"
"""The image of the process that holds a pod's namespaces. Where a name's first part has no dot, containerd
takes it for an account of its default registry."""

SOCKET_LIMIT = 107
"""Characters of a socket's path (unix(7))."""

READY_WITHIN = 30.0
IMPORT_WITHIN = 120.0
KNOWN_WITHIN = 30.0


class Containerd:
    """The runtime whose files lie below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.socket = folder / "containerd.sock"

    def command(self) -> list[str]:
        return ["/usr/bin/containerd", f"--config={self._config}"]

    def write(self) -> None:
        """Raises Failed: the socket's path would be too long."""
        if len(str(self.socket)) > SOCKET_LIMIT:
            raise Failed(f"{self._folder} is too long a path: a socket below it could not be opened.")
        self._networks.mkdir(parents=True, exist_ok=True)
        (self._networks / "crossover.conflist").write_text(json.dumps(plugins()))
        self._config.write_text(configuration(self._folder, self.socket, self._networks))

    def until_ready(self) -> None:
        """Returns once it answers. Raises Failed."""
        until = time.monotonic() + READY_WITHIN
        while True:
            try:
                self._ctr("version")
                return
            except Failed:
                if time.monotonic() > until:
                    raise
            time.sleep(0.05)

    def load(self, archives: Sequence[Path]) -> list[str]:
        """The names of the images in the OCI archives, once kubelet may use them. Raises Failed."""
        for archive in archives:
            self._ctr("images", "import", str(archive.absolute()), within=IMPORT_WITHIN)
        names = [name for archive in archives for name in names_in(archive)]
        until = time.monotonic() + KNOWN_WITHIN
        while missing := [name for name in names if name not in self._known()]:
            if time.monotonic() > until:
                raise Failed(f"containerd does not know {' and '.join(missing)} after {KNOWN_WITHIN:g} s.")
            time.sleep(0.05)
        return names

    def _known(self) -> list[str]:
        """Images that kubelet sees: it asks another part of containerd, which hears of imports later."""
        rows = self._ctr("images", "list", "--quiet", 'labels."io.cri-containerd.image"==managed')
        return rows.split()

    def _ctr(self, *words: str, within: float = 20.0) -> str:
        return run(["ctr", f"--address={self.socket}", "--namespace=k8s.io", *words], within=within)

    @property
    def _config(self) -> Path:
        return self._folder / "containerd.toml"

    @property
    def _networks(self) -> Path:
        return self._folder / "networks"


def names_in(archive: Path) -> list[str]:
    """What the images of an OCI archive are called: containerd's own annotation."""
    with tarfile.open(archive) as tar:
        index = tar.extractfile("index.json")
        manifests = json.load(index)["manifests"] if index else []
    return [manifest["annotations"]["io.containerd.image.name"] for manifest in manifests]


def configuration(folder: Path, socket: Path, networks: Path) -> str:
    """TOML, whose strings are written as JSON's are."""
    kubernetes = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = {_text(folder / "containerd")}
state = "/run/containerd"

[grpc]
address = {_text(socket)}

[{kubernetes}]
sandbox_image = "{PAUSE}"
# Root may not lower oom_score_adj on every machine; a pod then fails with "can't get final child's PID".
restrict_oom_score_adj = true

[{kubernetes}.cni]
bin_dir = {_text(CNI)}
conf_dir = {_text(networks)}

[{kubernetes}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""


def _text(path: Path) -> str:
    return json.dumps(str(path))
