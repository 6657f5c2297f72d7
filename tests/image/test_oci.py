"""The archive, by the OCI image specification."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from image.oci import Archive, Config, Layer
from image.tree import File, Tree

CONFIG = Config(
    "amd64",
    entrypoint=["hello"],
    env={"PATH": "/bin"},
    user="65532:65532",
    labels={"org.opencontainers.image.title": "hello"},
    created=datetime(2026, 11, 21, tzinfo=UTC),
)


def _archive(*trees: Tree, config: Config = CONFIG) -> Archive:
    return Archive("testbed.local/hello:7", config, [Layer.of(tree) for tree in trees])


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """What is in the archive of an image of two layers, by name."""
    _archive(Tree({"a": File(b"1")}), Tree({"bin/hello": File(b"2", 0o755)})).write(
        tmp_path / "new" / "x.tar"
    )
    with tarfile.open(tmp_path / "new" / "x.tar") as archive:
        contents = {member.name: archive.extractfile(member) for member in archive}
        return {name: content.read() for name, content in contents.items() if content}


def _manifest(files: dict[str, bytes]) -> Any:
    [found] = json.loads(files["index.json"])["manifests"]
    return json.loads(_blob(files, found))


def _blob(files: dict[str, bytes], descriptor: dict[str, Any]) -> bytes:
    blob = files[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]
    assert len(blob) == descriptor["size"]
    return blob


def test_every_blob_is_named_by_its_digest(files: dict[str, bytes]) -> None:
    blobs = {name.rpartition("/")[2]: data for name, data in files.items() if name.startswith("blobs/")}
    assert len(blobs) == 4
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in blobs.items())


def test_containerd_finds_the_name_and_others_the_tag(files: dict[str, bytes]) -> None:
    [manifest] = json.loads(files["index.json"])["manifests"]
    assert manifest["annotations"] == {
        "io.containerd.image.name": "testbed.local/hello:7",
        "org.opencontainers.image.ref.name": "7",
    }
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}


def test_layers_are_listed_in_order_beside_what_they_unpack_to(files: dict[str, bytes]) -> None:
    manifest = _manifest(files)
    config = json.loads(_blob(files, manifest["config"]))
    tars = [gzip.decompress(_blob(files, layer)) for layer in manifest["layers"]]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    assert [Layer.of_blob(_blob(files, layer)).tree().nodes for layer in manifest["layers"]] == [
        {"a": File(b"1")},
        {"bin/hello": File(b"2", 0o755)},
    ]


def test_the_configuration_says_how_it_starts(files: dict[str, bytes]) -> None:
    config = json.loads(_blob(files, _manifest(files)["config"]))
    assert (config["os"], config["architecture"], config["created"]) == (
        "linux",
        "amd64",
        "2026-11-21T00:00:00Z",
    )
    assert config["config"] == {
        "Entrypoint": ["hello"],
        "Env": ["PATH=/bin"],
        "Labels": {"org.opencontainers.image.title": "hello"},
        "User": "65532:65532",
        "WorkingDir": "/",
    }


def test_the_same_content_is_the_same_archive_to_the_byte(tmp_path: Path) -> None:
    for name in ("first", "second"):
        _archive(Tree({"a": File(b"1")})).write(tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_change_of_the_upper_layer_leaves_the_lower_one_as_it_was() -> None:
    base = Tree({"a": File(b"1")})
    before, after = _archive(base, Tree({"b": File(b"2")})), _archive(base, Tree({"b": File(b"3")}))
    assert before.digest != after.digest
    assert before.layers[0] == after.layers[0]
