"""The files of one control plane, the ports it listens on, and how its two programs are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from testbed.kubernetes.identity import ADMIN, User, private_key, token_rows
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
    """What lies where below `folder`. What is made once is kept: a second start finds the same objects.

    Args:
        host: the address at which the API server is reached.
        users: who has a token and a kubeconfig; the first is the admin.
    """

    folder: Path
    ports: Ports
    host: str = LOOPBACK
    users: tuple[User, ...] = (ADMIN,)

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.ports.api}"

    @property
    def kubeconfig(self) -> Path:
        """Of an admin: a member of system:masters."""
        return self.kubeconfig_of(self.users[0])

    def kubeconfig_of(self, user: User) -> Path:
        return self.folder / ("kubeconfig" if user == self.users[0] else f"{user.short}.kubeconfig")

    @property
    def ca_file(self) -> Path:
        """kube-apiserver writes it at its first start: its certificate, then the CA that signed it."""
        return self.folder / "certs" / "apiserver.crt"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def log(self, program: str) -> Path:
        return self.logs / f"{program}.log"

    @property
    def token(self) -> str:
        """The admin's."""
        return self._tokens()[self.users[0].name]

    @property
    def service_account_key(self) -> Path:
        return self.folder / "service-account.key"

    @property
    def _token_file(self) -> Path:
        return self.folder / "tokens.csv"

    def write(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        write_once(self._token_file, lambda: token_rows(self.users))
        write_once(self.service_account_key, private_key)
        for user in self.users:
            write_private(self.kubeconfig_of(user), yaml.safe_dump(self._kubeconfig(user)).encode())

    def _tokens(self) -> dict[str, str]:
        rows = (row.split(",") for row in self._token_file.read_text().splitlines())
        return {name: token for token, name, *_ in rows}

    def _kubeconfig(self, user: User) -> dict[str, object]:
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file.absolute())}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testbed", "cluster": cluster}],
            "users": [{"name": user.name, "user": {"token": self._tokens()[user.name]}}],
            "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user.name}}],
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
            f"--bind-address={self.host}",
            f"--advertise-address={self.host}",
            "--endpoint-reconciler-type=none",  # it refuses loopback, and rewrites a lease for nobody
            f"--secure-port={self.ports.api}",
            f"--cert-dir={self.ca_file.parent}",
            f"--token-auth-file={self._token_file}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.service_account_key}",
            f"--service-account-signing-key-file={self.service_account_key}",
            f"--service-cluster-ip-range={SERVICES}",
            "--profiling=false",
            *flags,
        ]


def write_once(file: Path, content: Callable[[], bytes]) -> None:
    if not file.exists():
        write_private(file, content())


def write_private(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)
