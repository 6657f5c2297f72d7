"""The Dockerfile is for those who have an engine; its image is the one that `make image` writes."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from image.build import ENVIRONMENT, ROOT, build, config
from image.cache import Cache
from image.debian import DOWNLOAD_WITHIN
from image.machine import Machine, Missing
from image.oci import Archive, Config, Layer
from image.provenance import provenance
from image.tools import program, run
from image.tree import File, Tree
from tests.image.sources import copied

DOCKERFILE = ROOT / "image" / "Dockerfile"
BUILDER = "testbed.local/builder:1"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def _steps() -> list[list[str]]:
    """Of the last stage, as words: the instruction, then its arguments."""
    text = DOCKERFILE.read_text().rpartition("\nFROM ")[2].replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines()[1:] if line]


def test_its_settings_are_those_of_the_archive(machine: Machine) -> None:
    steps = {step[0]: step[1:] for step in _steps()}
    expected = config(machine, provenance(ROOT, "0"))
    assert dict(pair.split("=", 1) for pair in steps["ENV"]) == ENVIRONMENT
    assert (steps["USER"], steps["WORKDIR"]) == ([expected.user], [expected.working_dir])
    assert 'ENTRYPOINT ["crossover"]' in DOCKERFILE.read_text()
    assert list(expected.entrypoint) == ["crossover"]


def test_its_files_are_those_that_the_program_writes_and_no_others() -> None:
    assert "\nFROM scratch\nCOPY --from=build /image /\n" in DOCKERFILE.read_text()
    assert [step[0] for step in _steps()] == ["COPY", "ENV", "USER", "WORKDIR", "ENTRYPOINT"]


class Buildah:
    """With a store of its own; it needs no daemon and no registry."""

    def __init__(self, store: Path) -> None:
        self._args = ["buildah", "--root", str(store / "root"), "--runroot", str(store / "run")]
        self._args += ["--storage-driver", "vfs"]

    def __call__(self, *args: str, within: float = 120) -> str:
        return run([*self._args, *args], within=within, cwd=ROOT).decode().strip()


@pytest.fixture
def buildah(tmp_path: Path) -> Generator[Buildah, None, None]:
    if os.geteuid() != 0:
        pytest.skip("Building the Dockerfile without an engine takes root: its steps run in a chroot.")
    if not shutil.which("buildah"):
        pytest.skip("Building the Dockerfile needs `buildah`; on Debian: apt-get install buildah")
    calls = Buildah(tmp_path / "store")
    yield calls
    calls("umount", "--all")


@pytest.fixture
def builder(tmp_path: Path, machine: Machine) -> Path:
    """An archive of a Debian with apt, in place of debian:12-slim; it trusts whom this machine trusts."""
    tar = tmp_path / "debian.tar"
    try:
        args = [program("mmdebstrap", "mmdebstrap"), "--quiet", "--variant=apt", "--mode=root"]
    except Missing as error:
        pytest.skip(str(error))
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    args += ["--include=ca-certificates", "bookworm", str(tar)]
    run(args, within=DOWNLOAD_WITHIN, env={**os.environ, "PATH": path})
    with tar.open("rb") as source:
        tree = Tree.of_tar(source)
    tree.nodes[BUNDLE.lstrip("/")] = File(Path(BUNDLE).read_bytes())
    env = {"PATH": path, "PIP_CERT": BUNDLE, "SSL_CERT_FILE": BUNDLE}
    Archive(BUILDER, Config(machine.architecture, env=env), [Layer.of(tree)]).write(tmp_path / "builder.tar")
    return tmp_path / "builder.tar"


@pytest.mark.cluster
@pytest.mark.timeout(1200)  # it installs everything anew, in a chroot
def test_an_engine_makes_the_same_files_of_it(
    buildah: Buildah, builder: Path, machine: Machine, tmp_path: Path
) -> None:
    source = copied(ROOT, tmp_path / "source")
    buildah("pull", f"oci-archive:{builder}")
    args = ["bud", "--isolation", "chroot", "--pull-never", "--build-arg", f"BUILDER={BUILDER}"]
    args += ["--file", str(source / "image" / "Dockerfile"), "--tag", "testbed.local/built:1", str(source)]
    buildah(*args, within=1000)
    container = buildah("from", "--pull-never", "testbed.local/built:1")
    made = Tree.of_folder(Path(buildah("mount", container)))
    wanted = build(machine, Cache(tmp_path / "cache"), source).tree()
    assert sorted(made.nodes) == sorted(wanted.nodes)
    assert list(made.beyond(wanted).nodes) == []
    described = json.loads(buildah("inspect", "--type", "image", "testbed.local/built:1"))["OCIv1"]["config"]
    expected = config(machine, provenance(ROOT, "0")).document([])["config"]
    assert {**described, "Labels": None} == {**expected, "Labels": None}  # type: ignore[dict-item]
