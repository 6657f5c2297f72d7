"""Writes OCI images: layers and a configuration, as one archive that containerd and others import.

The formats are of the OCI image specification 1.1; the annotation that names the image is containerd's.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from image.tree import MTIME, Tree

_TYPE = "application/vnd.oci.image."
_LEVEL = 6
"""Of gzip: the sizes of 9 in a third of its time, within one percent."""

_EPOCH = datetime.fromtimestamp(MTIME, UTC)


@dataclass(frozen=True)
class Layer:
    """A tar of files, compressed."""

    blob: bytes
    diff_id: str
    """The digest of the tar itself."""

    @classmethod
    def of(cls, tree: Tree) -> Layer:
        tar = BytesIO()
        tree.write_tar(tar)
        return cls(gzip.compress(tar.getvalue(), _LEVEL, mtime=0), _digest(tar.getvalue()))

    @classmethod
    def of_blob(cls, blob: bytes) -> Layer:
        return cls(blob, _digest(gzip.decompress(blob)))

    def tree(self) -> Tree:
        return Tree.of_tar(BytesIO(gzip.decompress(self.blob)))


@dataclass(frozen=True)
class Config:
    """How a container of the image starts, unless its pod says otherwise."""

    architecture: str
    """By its name in Go: amd64, arm64."""

    entrypoint: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    working_dir: str = "/"
    labels: Mapping[str, str] = field(default_factory=dict)
    created: datetime = _EPOCH

    def document(self, layers: Sequence[Layer]) -> dict[str, object]:
        settings = {
            "User": self.user,
            "Env": [f"{key}={value}" for key, value in self.env.items()],
            "Entrypoint": list(self.entrypoint),
            "WorkingDir": self.working_dir,
            "Labels": dict(self.labels),
        }
        return {
            "created": self.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "architecture": self.architecture,
            "os": "linux",
            "config": {key: value for key, value in settings.items() if value},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }


@dataclass(frozen=True)
class Archive:
    """An image under its full name, such as `example.org/name:tag`; containerd needs the dot of its host."""

    reference: str
    config: Config
    layers: Sequence[Layer]

    @property
    def digest(self) -> str:
        """Of the manifest: what `name@sha256:…` pulls."""
        return _digest(self._manifest())

    @property
    def size(self) -> int:
        """Bytes of the layers as they are pulled."""
        return sum(len(layer.blob) for layer in self.layers)

    def write(self, target: Path) -> None:
        """Appears whole at `target`, or not at all."""
        config, manifest = self._config(), self._manifest()
        files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": self._index()}
        for blob in (config, manifest, *(layer.blob for layer in self.layers)):
            files[f"blobs/{_digest(blob).replace(':', '/')}"] = blob
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.new")
        with tarfile.open(fresh, "w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(files):
                member = tarfile.TarInfo(path)
                member.mtime, member.size = MTIME, len(files[path])
                archive.addfile(member, BytesIO(files[path]))
        fresh.replace(target)

    def _config(self) -> bytes:
        return _json(self.config.document(self.layers))

    def _manifest(self) -> bytes:
        return _json(
            {
                "schemaVersion": 2,
                "mediaType": f"{_TYPE}manifest.v1+json",
                "config": _descriptor("config.v1+json", self._config()),
                "layers": [_descriptor("layer.v1.tar+gzip", layer.blob) for layer in self.layers],
            }
        )

    def _index(self) -> bytes:
        named = {
            "io.containerd.image.name": self.reference,
            "org.opencontainers.image.ref.name": self.reference.rpartition(":")[2],
        }
        manifest = {
            **_descriptor("manifest.v1+json", self._manifest()),
            "annotations": named,
            "platform": {"architecture": self.config.architecture, "os": "linux"},
        }
        return _json({"schemaVersion": 2, "mediaType": f"{_TYPE}index.v1+json", "manifests": [manifest]})


def _descriptor(kind: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": _TYPE + kind, "digest": _digest(blob), "size": len(blob)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
