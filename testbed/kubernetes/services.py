"""The programs of a whole cluster, in the order in which they start, and how each is called."""

from __future__ import annotations

import json
from pathlib import Path

from testbed.kubernetes.identity import ADMIN, User, authority
from testbed.kubernetes.layout import Layout, Ports, write_private
from testbed.kubernetes.node import dns, kubelet
from testbed.kubernetes.node.containerd import Containerd
from testbed.kubernetes.node.network import NODE, PODS

CONTROLLERS = User("system:kube-controller-manager")
SCHEDULER = User("system:kube-scheduler")
PROXY = User("system:kube-proxy")
KUBELET = User(f"system:node:{kubelet.NAME}", "system:nodes")

API_SERVER = User("kube-apiserver", "system:masters")
"""As kubelet knows the one who asks for logs."""

PROXY_READY = f"http://{NODE}:10256/healthz"
KUBELET_READY = f"http://{NODE}:10248/healthz"

NEEDED_FIRST = ("etcd", "kube-apiserver", "containerd")
"""The others end when they find none of these."""


class Services:
    """Below `folder`, of the programs that `build` gave."""

    def __init__(self, folder: Path, programs: Path) -> None:
        users = (ADMIN, CONTROLLERS, SCHEDULER, PROXY, KUBELET, dns.USER)
        self.layout = Layout(folder, Ports(6443, 2379, 2380), NODE, users)
        self.containerd = Containerd(folder)
        self._folder = folder
        self._programs = programs

    def write(self) -> None:
        """The files that they read. Raises Failed."""
        self.layout.write()
        self.containerd.write()
        made = authority(API_SERVER)
        write_private(self._file("kubelet-clients.crt"), made.certificate)
        write_private(self._file("kubelet-client.crt"), made.client_certificate)
        write_private(self._file("kubelet-client.key"), made.client_key)
        told = kubelet.configuration(self._folder, self.containerd.socket, self._file("kubelet-clients.crt"))
        self._file("kubelet.json").write_text(json.dumps(told, indent=2))
        self._file("Corefile").write_text(dns.configuration(self.layout))

    def commands(self) -> dict[str, list[str]]:
        """By the program's name."""
        return {
            "etcd": self.layout.etcd(self._programs),
            "kube-apiserver": self._api_server(),
            "containerd": self.containerd.command(),
            "kube-controller-manager": self._controllers(),
            "kube-scheduler": self._called("kube-scheduler", SCHEDULER, "--leader-elect=false"),
            "kubelet": self._kubelet(),
            "kube-proxy": self._proxy(),
            "coredns": [str(self._programs / "coredns"), f"-conf={self._file('Corefile')}"],
        }

    def _api_server(self) -> list[str]:
        return self.layout.kube_apiserver(
            self._programs,
            [
                "--endpoint-reconciler-type=lease",
                "--enable-admission-plugins=NodeRestriction",
                f"--kubelet-client-certificate={self._file('kubelet-client.crt')}",
                f"--kubelet-client-key={self._file('kubelet-client.key')}",
                "--kubelet-preferred-address-types=InternalIP",
                # After SIGTERM, open watches are cut two seconds after the last short request was answered.
                # Without this, they hold it for a minute.
                "--shutdown-send-retry-after",
            ],
        )

    def _controllers(self) -> list[str]:
        return self._called(
            "kube-controller-manager",
            CONTROLLERS,
            "--leader-elect=false",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self.layout.service_account_key}",
            f"--root-ca-file={self.layout.ca_file}",
        )

    def _kubelet(self) -> list[str]:
        return self._called(
            "kubelet",
            KUBELET,
            f"--config={self._file('kubelet.json')}",
            f"--hostname-override={kubelet.NAME}",
            f"--node-ip={NODE}",
        )

    def _proxy(self) -> list[str]:
        """Connection tracking is the kernel's as it is: its limits are this machine's, and not ours."""
        return self._called(
            "kube-proxy",
            PROXY,
            "--proxy-mode=iptables",
            f"--cluster-cidr={PODS}",
            f"--hostname-override={kubelet.NAME}",
            f"--healthz-bind-address={NODE}:10256",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        )

    def _called(self, program: str, user: User, *flags: str) -> list[str]:
        return [str(self._programs / program), f"--kubeconfig={self.layout.kubeconfig_of(user)}", *flags]

    def _file(self, name: str) -> Path:
        return self._folder / name
