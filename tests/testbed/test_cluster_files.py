"""What the cluster's programs are told, and what a machine must have for them: read without starting any."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from image.oci import Archive, Config, Layer
from image.tree import File, Tree
from testbed.kubernetes.cluster import Cluster, Unfit
from testbed.kubernetes.commands import Failed
from testbed.kubernetes.identity import User, authority
from testbed.kubernetes.layout import SERVICES
from testbed.kubernetes.machine import PACKAGES, missing_packages
from testbed.kubernetes.node import containerd, kubelet, network
from testbed.kubernetes.node.cgroups import cgroups, make_cgroups
from testbed.kubernetes.node.readiness import is_free
from testbed.kubernetes.programs import FULL, PROGRAMS
from testbed.kubernetes.services import NEEDED_FIRST, Services

ROOT = Path(__file__).parents[2]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    made = Services(tmp_path / "full", tmp_path / "bin")
    made.write()
    return made


def test_each_program_of_the_cluster_but_the_runtime_is_one_that_is_built(services: Services) -> None:
    built = {program.name for program in FULL}
    assert {*services.commands()} - built == {"containerd"}
    assert [*services.commands()][: len(NEEDED_FIRST)] == [*NEEDED_FIRST]


def test_every_file_that_a_program_is_told_of_exists(services: Services) -> None:
    folder = services.layout.folder
    words = [word for command in services.commands().values() for word in command[1:]]
    told = {Path(word.partition("=")[2]) for word in words if f"={folder}/" in word}
    made_later = {folder / "etcd", services.layout.ca_file, services.layout.ca_file.parent}
    assert len(told) > 8
    assert {path for path in told - made_later if not path.exists()} == set()


def test_each_program_has_a_token_of_its_own(services: Services) -> None:
    files = [services.layout.kubeconfig_of(user) for user in services.layout.users]
    tokens = [yaml.safe_load(file.read_text())["users"][0]["user"]["token"] for file in files]
    assert len({*files}) == len({*tokens}) == 6
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    rows = (services.layout.folder / "tokens.csv").read_text().splitlines()
    assert [row.split(",")[1:] for row in rows if "node1" in row] == [
        ["system:node:node1", "system:node:node1", "system:nodes"]
    ]


def test_whoever_asks_kubelet_is_known_by_a_certificate_that_kubelet_trusts() -> None:
    made = authority(User("asker", "askers"))
    root, client = map(x509.load_pem_x509_certificate, (made.certificate, made.client_certificate))
    client.verify_directly_issued_by(root)
    named = {each.oid: each.value for each in client.subject}
    assert named == {NameOID.COMMON_NAME: "asker", NameOID.ORGANIZATION_NAME: "askers"}


def test_the_runtime_is_told_of_its_own_folders_only(tmp_path: Path) -> None:
    text = containerd.configuration(tmp_path, tmp_path / "socket", tmp_path / "networks")
    told = tomllib.loads(text)
    kubernetes = told["plugins"]["io.containerd.grpc.v1.cri"]
    assert (told["root"], told["grpc"]["address"]) == (f"{tmp_path}/containerd", f"{tmp_path}/socket")
    assert kubernetes["sandbox_image"] == containerd.PAUSE
    assert kubernetes["cni"]["conf_dir"] == f"{tmp_path}/networks"


def test_a_folder_whose_socket_could_not_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="too long a path"):
        containerd.Containerd(tmp_path / ("x" * 100)).write()


def test_kubelet_answers_nobody_whom_it_does_not_know(tmp_path: Path) -> None:
    told: Any = kubelet.configuration(tmp_path, tmp_path / "socket", tmp_path / "ca")
    assert told["authentication"]["anonymous"] == {"enabled": False}
    assert told["authorization"] == {"mode": "Webhook"}
    json.dumps(told)


def test_all_addresses_are_of_the_range_for_benchmarks_and_apart() -> None:
    benchmarks = IPv4Network("198.18.0.0/15")
    pods, services = IPv4Network(network.PODS), IPv4Network(SERVICES)
    assert pods.subnet_of(benchmarks)
    assert services.subnet_of(benchmarks)
    assert not pods.overlaps(services)
    assert IPv4Address(network.NODE) in pods
    assert IPv4Address(network.OUTSIDE) not in pods


def test_an_archive_says_what_its_images_are_called(tmp_path: Path) -> None:
    layer = Layer.of(Tree({"hello": File(b"hello")}))
    Archive("example.org/hello:1", Config("amd64"), [layer]).write(tmp_path / "hello.tar")
    assert containerd.names_in(tmp_path / "hello.tar") == ["example.org/hello:1"]


READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("node", "free"),
    [
        ({}, False),
        ({"status": {"conditions": [READY]}}, True),
        ({"status": {"conditions": [{**READY, "status": "False"}]}}, False),
        ({"status": {"conditions": [READY]}, "spec": {"taints": [{"key": "not-ready"}]}}, False),
    ],
)
def test_a_node_takes_pods_when_it_is_ready_and_has_no_taint(node: dict[str, Any], free: bool) -> None:
    assert is_free(node) is free


def hierarchy(folder: Path, **settings: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, value in {"cgroup_procs": "", **settings}.items():
        (folder / name.replace("_", ".")).write_text(value)


def test_with_cgroups_of_version_1_there_is_one_in_each_hierarchy(tmp_path: Path) -> None:
    hierarchy(tmp_path / "memory")
    hierarchy(tmp_path / "cpuset", cpuset_cpus="0-1", cpuset_mems="0")
    (tmp_path / "not-a-hierarchy").mkdir()
    make_cgroups(tmp_path)
    assert cgroups(tmp_path) == [tmp_path / name / kubelet.CGROUP for name in ("cpuset", "memory")]
    assert (tmp_path / "cpuset" / kubelet.CGROUP / "cpuset.cpus").read_text() == "0-1"


def test_with_cgroups_of_version_2_there_is_one(tmp_path: Path) -> None:
    hierarchy(tmp_path)
    hierarchy(tmp_path / "system.slice")
    make_cgroups(tmp_path)
    assert cgroups(tmp_path) == [tmp_path / kubelet.CGROUP]


def test_packages_of_which_something_is_missing_are_named(tmp_path: Path) -> None:
    assert missing_packages(str(tmp_path), tmp_path) == [*PACKAGES]
    for program in PACKAGES["containerd"]:
        (tmp_path / program).touch(mode=0o755)
    assert "containerd" not in missing_packages(str(tmp_path), tmp_path)
    (tmp_path / "ctr").unlink()
    assert "containerd" in missing_packages(str(tmp_path), tmp_path)


def test_who_is_not_root_is_told_so() -> None:
    program = """
import os, sys
from testbed.kubernetes.__main__ import main
if os.geteuid() == 0:
    os.seteuid(65534)
sys.exit(main(["up", "--profile", "full", "--folder", sys.argv[1]]))
"""
    words = [sys.executable, "-c", program, "/nonexistent/full"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "A whole cluster needs root: it makes namespaces, mounts and network interfaces.\n"


async def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis").touch()
    with pytest.raises(Unfit, match="holds something that no cluster has put there"):
        await Cluster(tmp_path).down()
    assert (tmp_path / "thesis").exists()


def test_every_module_that_pins_a_program_names_it() -> None:
    for program in PROGRAMS.values():
        sources = "".join(file.read_text() for file in program.module.glob("*.go"))
        module = (program.module / "go.mod").read_text()
        assert program.package in sources or f"module {program.package}\n" in module
