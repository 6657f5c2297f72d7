"""Rules that hold for the whole repository."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.files import ROOT, texts

FORBIDDEN = {
    # Character classes keep these patterns from finding themselves.
    # A package URL (`pkg:…`) names a package, and no host.
    "a package index": r"(?<!pkg:)\bpy[p]i\b|pythonhoste[d]|npm[j]s|registry\.[a-z-]+\.(?:org|com|io)|"
    r"crates[.]io|proxy\.golan[g]|rubygem[s]|anaconda[.]org|--(?:extra-)?index-ur[l]|find-link[s]",
    "an image registry": r"\bdocker[.](?:io|com)|\bghc[r]\.|\bquay[.]io|\bgc[r]\.io|\bpkg[.]dev|\.ec[r]\.|"
    r"mcr[.]microsoft",
    "a download address": r"https?://\S+\.(?:whl|zip|tgz|tar\.\w+|deb|rpm|exe)\b|/releases/downloa[d]|"
    r"raw[.]githubusercontent|codeloa[d]\.|/archive/ref[s]/",
    "a path of somebody's machine": r"(?<![\w.{}/~-])/(?:home|root|Users|work)/\w",
}

HASHED = [f"requirements/{name}.txt" for name in ("bootstrap", "runtime", "dev", "checkov")]

STANDARD_LIBRARY_ONLY = ["crossover.contract", "crossover.errors", "crossover.cli.step"]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what], re.IGNORECASE)
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a package index", "pip install --index-" + "url x"),
        ("a package index", "see https://py" + "pi.org/project/httpx"),
        ("an image registry", "image: ghc" + "r.io/acme/x:1"),
        ("a download address", "curl -L https://example.com/tool-1.2.tar" + ".gz"),
        ("a path of somebody's machine", "cd /ho" + "me/somebody/project"),
    ],
)
def test_the_rule_would_notice(what: str, line: str) -> None:
    assert re.search(FORBIDDEN[what], line, re.IGNORECASE)


@pytest.mark.parametrize("name", HASHED)
def test_a_lock_file_pins_everything_by_hash_and_has_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    requirements = re.split(r"\n(?=\S)", text.strip())
    unpinned = [each for each in requirements if "==" not in each or "--hash=sha256:" not in each]
    assert requirements
    assert unpinned == []
    assert "://" not in text


def imported(package: str) -> list[str]:
    """Every module in `sys.modules` after a fresh interpreter has imported all of the package."""
    program = f"""
import importlib, json, pkgutil, sys
before = set(sys.modules)
package = importlib.import_module({package!r})
for module in pkgutil.walk_packages(getattr(package, "__path__", []), {package!r} + "."):
    importlib.import_module(module.name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=50)
    modules: list[str] = json.loads(done.stdout)
    return modules


@pytest.mark.parametrize("package", STANDARD_LIBRARY_ONLY)
def test_what_a_step_pod_imports_is_the_standard_library_and_the_contract(package: str) -> None:
    modules = imported(package)
    foreign = [name for name in modules if name.split(".")[0] not in {*sys.stdlib_module_names, "crossover"}]
    assert foreign == []
    allowed = ("crossover.contract", "crossover.errors", "crossover.cli.step")
    ours = [name for name in modules if name.startswith("crossover.") and name != "crossover.cli"]
    assert ours
    assert [name for name in ours if not name.startswith(allowed)] == []


def imports_of(file: Path) -> Iterator[str]:
    """The top-level names that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names):
                yield from (alias.name.split(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.split(".")[0]


def test_the_sdk_imports_temporalio_and_the_standard_library_only() -> None:
    allowed = {*sys.stdlib_module_names, "temporalio", "crossover_sdk"}
    files = sorted((ROOT / "crossover_sdk").rglob("*.py"))
    found = {(file.name, name) for file in files for name in imports_of(file)}
    assert any(name == "temporalio" for _, name in found)
    assert {(file, name) for file, name in found if name not in allowed} == set()


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout), done.stdout
