"""The node's network: one link to this machine, and a link to each pod.

All addresses are of the range for benchmarks (RFC 2544), where nothing real lives. There is no way out: what
asks for another address is told at once that it cannot be reached.
"""

from __future__ import annotations

import json
from pathlib import Path

from testbed.kubernetes.commands import Failed, run
from testbed.kubernetes.layout import SERVICES
from testbed.kubernetes.node.namespaces import Node

LINK = "crossover0"
"""The interface on this machine's side, and the mark that a cluster runs here."""

PODS = "198.18.0.0/24"
NODE = "198.18.0.1"
"""Of the node, for everyone. Pods have it as their gateway."""

OUTSIDE = "198.18.1.1"
"""Of this machine, for pods and for the node."""

_NODE_END = "198.18.1.2"

_OURS = f"""
link add {LINK} type veth peer eth0 netns {{process}}
link set {LINK} alias {{folder}}
address add {OUTSIDE}/30 dev {LINK}
link set {LINK} up
route add {PODS} via {_NODE_END} dev {LINK}
route add {SERVICES} via {_NODE_END} dev {LINK}
"""

# The node's own way to Services is never used as it is: kube-proxy's rules send their packets elsewhere. But
# the kernel looks for a way before it looks at rules.
_ITS = f"""
link set lo up
address add {NODE}/32 dev lo
address add {_NODE_END}/30 dev eth0
link set eth0 up
route add {SERVICES} dev lo src {NODE}
route add unreachable default
"""


class Occupied(Exception):
    """Another cluster runs on this machine: a sentence for people."""


def refuse_a_second(folder: Path) -> None:
    """Raises Occupied, naming the folder of the one that runs, unless that is `folder`."""
    if (found := owner()) not in (None, str(folder)):
        raise Occupied(
            f"The cluster of {found} runs on this machine already, and two would collide. "
            f"End it with `python -m testbed.kubernetes down --profile full --folder {found}`."
        )


def owner() -> str | None:
    """The folder of the cluster that runs here; None when there is none."""
    for link in json.loads(run(["ip", "-json", "link", "show"])):
        if link["ifname"] == LINK:
            return str(link.get("ifalias", ""))
    return None


def connect(node: Node, folder: Path) -> None:
    """Gives the node its addresses, and this machine a way to them. Raises Failed."""
    if not (init := node.init):
        raise Failed("There is no node to connect.")
    run(["ip", "-batch", "-"], said=_OURS.format(process=init.pid, folder=folder))
    node.run("ip", "-batch", "-", said=_ITS)
    node.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


def disconnect(folder: Path) -> None:
    """The kernel does it too, a moment after the node has ended. Raises Failed."""
    if owner() != str(folder):
        return
    try:
        run(["ip", "link", "delete", LINK])
    except Failed:
        if owner() == str(folder):  # else the kernel was faster
            raise


def plugins() -> dict[str, object]:
    """The list of CNI plugins that containerd calls for each pod.

    `ptp` gives each pod a link of its own: what pods say to each other passes the node's packet rules, which
    it would not do on a bridge unless the kernel is told so.
    """
    addresses = {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "1.0.0",
        "name": "crossover",
        "plugins": [
            {"type": "ptp", "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
