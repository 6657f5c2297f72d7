"""`python -m testbed.kubernetes build|up|down|status|load`: Kubernetes for people."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from testbed.kubernetes.background import Background
from testbed.kubernetes.build import HOME, Unbuilt, build
from testbed.kubernetes.cluster import Cluster, Unfit
from testbed.kubernetes.commands import Failed
from testbed.kubernetes.machine import lacks
from testbed.kubernetes.node.network import Occupied
from testbed.kubernetes.programs import CONTROL_PLANE, FULL, PROGRAMS
from testbed.kubernetes.readiness import NotReady

PROFILES = {
    "control-plane": "etcd and kube-apiserver, with Argo's resource definitions",
    "full": "a whole cluster of one node (Debian 12, root)",
}

_PROGRAMS = {"control-plane": CONTROL_PLANE, "full": FULL}


def main(arguments: list[str] | None = None) -> int:
    """The exit code. `status` answers 1 when it is not up."""
    given = _parser().parse_intermixed_args(arguments)
    try:
        if given.command == "up" and not (given.profile == "full" and lacks()):
            build(_PROGRAMS[given.profile])  # here, where Ctrl-C ends it
        return asyncio.run(_COMMANDS[given.command](given))
    except (Unbuilt, NotReady, Unfit, Occupied, Failed, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    profiles = "; ".join(f"{name}: {what}" for name, what in PROFILES.items())
    parser = argparse.ArgumentParser(prog="python -m testbed.kubernetes", description=__doc__)
    parser.add_argument("command", choices=list(_COMMANDS))
    parser.add_argument("archives", nargs="*", type=Path, help="of `load`: OCI archives of images")
    parser.add_argument("--profile", choices=list(PROFILES), default="control-plane", help=profiles)
    parser.add_argument("--only", action="append", choices=list(PROGRAMS), help="of `build`: this program")
    parser.add_argument("--folder", type=Path, help="for data and logs (default: .testbed/<profile>)")
    return parser


def _testbed(given: argparse.Namespace) -> Background | Cluster:
    folder = given.folder or HOME / given.profile
    return Cluster(folder) if given.profile == "full" else Background(folder)


async def _build(given: argparse.Namespace) -> int:
    only = [PROGRAMS[name] for name in given.only or ()]
    print(build(only or _PROGRAMS[given.profile]))
    return 0


async def _up(given: argparse.Namespace) -> int:
    print(await _testbed(given).up())
    return 0


async def _down(given: argparse.Namespace) -> int:
    ended = await _testbed(given).down()
    print(f"Ended: {', '.join(ended)}." if ended else "Nothing was running.")
    return 0


async def _status(given: argparse.Namespace) -> int:
    testbed = _testbed(given)
    processes = testbed.processes()
    for name, process in processes.items():
        print(f"{name}: pid {process.pid}, {process.memory_info().rss >> 20} MiB")
    if not await testbed.ready():
        print("not ready" if processes else "not up")
        return 1
    print(f"ready at {testbed.url}\nexport KUBECONFIG={testbed.kubeconfig}")
    return 0


async def _load(given: argparse.Namespace) -> int:
    testbed = _testbed(given)
    if not isinstance(testbed, Cluster):
        raise Unfit("Only `--profile full` has a node that could run images.")
    for name in await testbed.load(*given.archives):
        print(name)
    return 0


_COMMANDS = {"build": _build, "up": _up, "down": _down, "status": _status, "load": _load}

if __name__ == "__main__":
    sys.exit(main())
