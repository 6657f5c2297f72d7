"""The image's programs as a pod runs them: as user 65532, on a root that cannot be written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from image.build import ENVIRONMENT
from image.system import USER
from testbed.ports import free_port
from testbed.servers import Program, until_open

pytestmark = pytest.mark.cluster

# In a mount namespace of its own: nothing has to be unmounted, whatever happens to the test.
CONTAIN = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount --bind "$0" "$0" && mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/tmp" && chmod 1777 "$0/tmp"
mount -o remount,bind,ro "$0" && exec chroot --userspec={user}:{user} "$0" /usr/bin/python3.11 -c '
import json, os, sys
os.environ.clear(); os.environ.update(json.loads(sys.argv[1])); os.execvp(sys.argv[2], sys.argv[2:])' "$@"
"""

IMPORT_ALL = """
import importlib, os, pkgutil
for package in ("crossover", "crossover_sdk", "bridge", "log_streamer", "argo_flow"):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print("all of them", flush=True)
os._exit(0)
"""

PLACE = """
import os, pathlib, ssl, tempfile, zoneinfo
assert os.getuid() == os.getgid() == 65532 and os.getgroups() in ([], [65532])
assert pathlib.Path.home() == pathlib.Path("/var/lib/crossover")
assert len(ssl.create_default_context().get_ca_certs()) > 100
assert zoneinfo.ZoneInfo("Europe/Berlin")
for path in ("/usr/x", "/var/lib/crossover/x"):
    try:
        open(path, "w")
    except OSError:
        continue
    raise SystemExit(f"{path} can be written")
tempfile.TemporaryFile()
print("as it should be")
"""


def contained(root: Path, *args: str, **environment: str) -> list[str]:
    """A command line that runs `args` in the image's files."""
    script = CONTAIN.replace("{user}", str(USER))
    return [
        "unshare",
        "--mount",
        "sh",
        "-c",
        script,
        str(root),
        json.dumps({**ENVIRONMENT, **environment}),
        *args,
    ]


def _said(root: Path, *args: str) -> str:
    done = subprocess.run(contained(root, *args), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_command_is_on_the_path(root: Path) -> None:
    assert "log-streamer" in _said(root, "crossover", "--help")
    assert _said(root, "crossover", "--version").startswith("crossover ")


def test_the_step_command_explains_itself(root: Path) -> None:
    assert _said(root, "crossover", "step", "run", "--help").startswith("usage: crossover step run")


def test_every_module_loads(root: Path) -> None:
    assert _said(root, "python", "-c", IMPORT_ALL) == "all of them\n"


def test_user_certificates_zones_and_folders_are_as_they_should_be(root: Path) -> None:
    assert _said(root, "python", "-c", PLACE) == "as it should be\n"


@pytest.mark.parametrize(
    ("service", "prefix", "settings"),
    [("bridge", "BRIDGE", {}), ("log-streamer", "LOG_STREAMER", {"LOCAL_RUNS": "/tmp"})],
)
async def test_a_service_answers_and_stops_when_it_is_told_to(
    root: Path, service: str, prefix: str, settings: dict[str, str]
) -> None:
    port = free_port()
    given = {"LISTEN_PORT": str(port), **settings}
    environment = {f"CROSSOVER_{prefix}_{key}": value for key, value in given.items()}
    async with Program(contained(root, "crossover", service, "serve", **environment)) as program:
        await until_open(port, within=60)
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            assert (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        assert await program.stop() == 0
