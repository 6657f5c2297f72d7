"""checkov and kube-score: what they find in rendered objects, and what is explained of that."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from tests.helm.chart import ROOT, Object

REQUIREMENTS = ROOT / "requirements/checkov.txt"
HOME = ROOT / ".testbed/checkov"
EXPLAINED = Path(__file__).parent / "explained.yaml"

INSTALL_WITHIN = 600.0
"""Seconds; it takes twenty where the package index is near."""

JUDGE_WITHIN = 290.0
"""Seconds for one run of either, which takes ten on an idle machine."""


class Uninstalled(Exception):
    """checkov is not there, and why: a sentence for people."""


@dataclass(frozen=True, order=True)
class Finding:
    """What a tool has against an object: its own name of the check, and `Kind name`."""

    tool: str
    check: str
    item: str


@dataclass(frozen=True)
class Explanation:
    """Why a check's findings about some objects stay. `items` are shell globs of `Kind name`."""

    tool: str
    check: str
    items: tuple[str, ...]
    why: str

    def covers(self, finding: Finding) -> bool:
        return (finding.tool, finding.check) == (self.tool, self.check) and any(
            fnmatchcase(finding.item, each) for each in self.items
        )


def explanations() -> list[Explanation]:
    entries = yaml.safe_load(EXPLAINED.read_text())
    return [Explanation(**{**entry, "items": tuple(entry["items"])}) for entry in entries]


def install_checkov() -> Path:
    """The program, in an environment of its own that is made once for each lock file. Raises Uninstalled."""
    HOME.mkdir(parents=True, exist_ok=True)
    stamp, wanted = HOME / "stamp", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # each worker of pytest comes here; the first one installs
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            _install()
            stamp.write_text(wanted)
    return HOME / "bin/checkov"


def _install() -> None:
    uv = Path(sys.executable).parent / "uv"
    for words in (
        [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, HOME],
        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", HOME / "bin/python", REQUIREMENTS],
    ):
        command = [str(word) for word in words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_WITHIN, check=False)
        if done.returncode:
            raise Uninstalled(f"checkov cannot be installed: {done.stderr.strip().splitlines()[-1]}")


def checkov_says(program: Path, folder: Path) -> set[Finding]:
    """About all files of the folder. It asks nobody: what it knows came with it."""
    words = ["-d", str(folder), "--framework", "kubernetes", "--skip-download", "--compact", "-o", "json"]
    report = json.loads(_said([str(program), *words], {"LOG_LEVEL": "ERROR"}))
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 1000
    return {
        Finding("checkov", each["check_id"], _item(each["resource"]))
        for each in report["results"]["failed_checks"]
    }


def _item(resource: str) -> str:
    """`Kind.namespace.name`; behind that of a Deployment's pods come their labels."""
    kind, _, name = resource.split(".app.kubernetes.io/")[0].split(".", 2)
    return f"{kind} {name}"


def kube_score_says(program: Path, objects: Iterable[Object]) -> set[Finding]:
    given = yaml.safe_dump_all(objects)
    words = [str(program), "score", "--kubernetes-version", "v1.34", "--output-format", "json", "-"]
    report = json.loads(_said(words, {}, given))
    assert report
    return {
        Finding(
            "kube-score", check["check"]["id"], f"{each['type_meta']['kind']} {each['object_meta']['name']}"
        )
        for each in report
        for check in each["checks"]
        if not check["skipped"] and check["grade"] < 10
    }


def _said(command: list[str], environment: Mapping[str, str], given: str = "") -> str:
    """Both end with 1 when they have found something."""
    done = subprocess.run(
        command,
        input=given,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=JUDGE_WITHIN,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout
