"""The files of one control plane, the ports it listens on, and how its two programs are called."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from testbed.ports import free_port

LOOPBACK = "127.0.0.1"

SERVICES = "198.19.0.0/16"
"""Addresses of Services: of the range for benchmarks (RFC 2544), where nothing real lives."""


@dataclass(frozen=True)
class Ports:
    api: int = field(default_factory=free_port)
    etcd: int = field(default_factory=free_port)
    peer: int = field(default_factory=free_port)


@dataclass(frozen=True)
class Layout:
    """What lies where below `folder`. What is made once is kept: a second start finds the same objects."""

    folder: Path
    ports: Ports

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self.ports.api}"

    @property
    def kubeconfig(self) -> Path:
        """Of an admin: a member of system:masters."""
        return self.folder / "kubeconfig"

    @property
    def ca_file(self) -> Path:
        """kube-apiserver writes it at its first start: its certificate, then the CA that signed it."""
        return self.folder / "certs" / "apiserver.crt"

    @property
    def etcd_log(self) -> Path:
        return self.folder / "etcd.log"

    @property
    def api_log(self) -> Path:
        return self.folder / "kube-apiserver.log"

    @property
    def token(self) -> str:
        """The admin's."""
        return self._tokens.read_text().partition(",")[0]

    @property
    def _tokens(self) -> Path:
        return self.folder / "tokens.csv"

    @property
    def _service_account_key(self) -> Path:
        return self.folder / "service-account.key"

    def write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_once(self._tokens, _admin_token)
        _write_once(self._service_account_key, _private_key)
        _private(self.kubeconfig, yaml.safe_dump(self._kubeconfig()).encode())

    def _kubeconfig(self) -> dict[str, object]:
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file.absolute())}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testbed", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "admin"}}],
            "current-context": "testbed",
        }

    def etcd(self, programs: Path) -> list[str]:
        clients, peers = (f"http://{LOOPBACK}:{port}" for port in (self.ports.etcd, self.ports.peer))
        return [
            str(programs / "etcd"),
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",  # only a machine that loses power would lose anything
            "--log-level=warn",
        ]

    def kube_apiserver(self, programs: Path, flags: Sequence[str] = ()) -> list[str]:
        """Later `flags` win."""
        return [
            str(programs / "kube-apiserver"),
            f"--etcd-servers=http://{LOOPBACK}:{self.ports.etcd}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            "--endpoint-reconciler-type=none",  # it refuses loopback, and rewrites a lease for nobody
            f"--secure-port={self.ports.api}",
            f"--cert-dir={self.ca_file.parent}",
            f"--token-auth-file={self._tokens}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._service_account_key}",
            f"--service-account-signing-key-file={self._service_account_key}",
            f"--service-cluster-ip-range={SERVICES}",
            "--profiling=false",
            *flags,
        ]


def _write_once(file: Path, content: Callable[[], bytes]) -> None:
    if not file.exists():
        _private(file, content())


def _private(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)


def _admin_token() -> bytes:
    """A row of kube-apiserver's token file: token, user, uid, groups."""
    return f"{secrets.token_urlsafe(32)},admin,admin,system:masters\n".encode()


def _private_key() -> bytes:
    """kube-apiserver takes the private key also where it only verifies."""
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
