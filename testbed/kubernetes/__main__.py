"""`python -m testbed.kubernetes build|up|down|status`: a Kubernetes control plane for people."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from testbed.kubernetes.background import Background
from testbed.kubernetes.build import HOME, Unbuilt, build
from testbed.kubernetes.programs import CONTROL_PLANE, PROGRAMS
from testbed.kubernetes.readiness import NotReady, is_ready

PROFILES = {"control-plane": "etcd and kube-apiserver, with Argo's resource definitions"}


def main(arguments: list[str] | None = None) -> int:
    """The exit code. `status` answers 1 when it is not up."""
    given = _parser().parse_args(arguments)
    background = Background(given.folder or HOME / given.profile)
    try:
        if given.command == "build":
            print(build([PROGRAMS[name] for name in given.only or ()] or CONTROL_PLANE))
            return 0
        return _COMMANDS[given.command](background)
    except (Unbuilt, NotReady) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    profiles = "; ".join(f"{name}: {what}" for name, what in PROFILES.items())
    parser = argparse.ArgumentParser(prog="python -m testbed.kubernetes", description=__doc__)
    parser.add_argument("command", choices=list(_COMMANDS))
    parser.add_argument("--profile", choices=list(PROFILES), default="control-plane", help=profiles)
    parser.add_argument("--only", action="append", choices=list(PROGRAMS), help="of `build`: this program")
    parser.add_argument("--folder", type=Path, help="for data and logs (default: .testbed/<profile>)")
    return parser


def _build(_: Background) -> int:
    print(build())
    return 0


def _up(background: Background) -> int:
    build()
    print(asyncio.run(background.up()).kubeconfig)
    return 0


def _down(background: Background) -> int:
    ended = background.down()
    print(f"Ended: {', '.join(ended)}." if ended else "Nothing was running.")
    return 0


def _status(background: Background) -> int:
    for name, process in background.processes().items():
        print(f"{name}: pid {process.pid}, {process.memory_info().rss >> 20} MiB")
    layout = background.layout()
    if layout is None or not asyncio.run(is_ready(layout)):
        print("not ready" if layout else "not up")
        return 1
    print(f"ready at {layout.url}\nexport KUBECONFIG={layout.kubeconfig}")
    return 0


_COMMANDS = {"build": _build, "up": _up, "down": _down, "status": _status}

if __name__ == "__main__":
    sys.exit(main())
