"""The command as a program: what it needs, what it costs, and that its exit code is always the right one."""

from __future__ import annotations

import os
import subprocess
import sys
import zipapp
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import psutil
import pytest

import crossover
from crossover.cli.step.options import Color, OnSigterm
from crossover.cli.step.run_settings import RUN
from crossover.contract.run import ArgoNode, OnCancel, Scope
from tests.step.programs import FakeBridge, Json, StepCommand

MEMORY_BUDGET = 40 * 1024 * 1024
RUNS = int(os.environ.get("CROSSOVER_STEP_RUNS", "30"))

PACKAGE = Path(crossover.__file__).parent
NEEDED = ("__init__.py", "errors.py", "contract", "cli/__init__.py", "cli/step")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as one file, made of only what it needs."""
    folder = tmp_path_factory.mktemp("zipapp")
    for name in NEEDED:
        source, target = PACKAGE / name, folder / "tree" / "crossover" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            copytree(source, target, ignore=ignore_patterns("__pycache__"))
        else:
            copy(source, target)
    file = folder / "step.pyz"
    zipapp.create_archive(folder / "tree", file, main="crossover.cli.step.__main__:main")
    return file


def test_it_runs_on_a_plain_python_as_one_file(archive: Path, step: StepCommand) -> None:
    command = (sys.executable, "-I", "-S", str(archive), "run")
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    assert "--outage-budget" in helped.stdout
    assert replace(step, command=command).run(plan={"result": {"a": 1}}).code == 0
    assert step.output("a") == "1"


def test_help_names_every_flag_its_variable_and_its_default(step: StepCommand) -> None:
    ended = step.run("--help")
    words = " ".join(ended.out.split())
    assert ended.code == 0
    for setting in RUN.settings.values():
        assert setting.flag in words
        assert setting.environment in words
        assert setting.default is None or f"default {setting.default}" in words


@pytest.mark.parametrize(
    ("setting", "choices"),
    [("scope", Scope), ("on_cancel", OnCancel), ("on_sigterm", OnSigterm), ("color", Color)],
)
def test_help_names_every_choice(setting: str, choices: type[Scope | OnCancel | OnSigterm | Color]) -> None:
    assert RUN.settings[setting].metavar == "|".join(choices)


@pytest.mark.parametrize("subcommand", ["run", "decide"])
def test_help_loads_neither_http_nor_tls_nor_anything_installed(subcommand: str) -> None:
    """So it answers at once, as the benchmark shows."""
    command = [sys.executable, "-X", "importtime", "-m", "crossover.cli", "step", subcommand, "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rsplit("|", 1)[-1].strip() for line in ran.stderr.splitlines()}
    assert "argparse" in loaded
    assert not loaded & {"http.client", "ssl", "json", "dataclasses", "typer", "temporalio", "pydantic"}


def test_a_waiting_step_stays_small(step: StepCommand) -> None:
    process = step.start(plan={"seconds": 5})
    process.wait_for("Running")
    resident = psutil.Process(process.pid).memory_info().rss
    assert process.end().code == 0
    assert resident < MEMORY_BUDGET


@pytest.fixture
def stress() -> Iterator[None]:
    """Twice as many busy processes as there are cores."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))
    ]
    yield
    for process in busy:
        process.kill()
        process.wait()


ENDINGS: list[tuple[int, Json]] = [
    (0, {"seconds": 0.1, "result": {"a": 1}}),
    (1, {"seconds": 0.1, "fail": {}}),
    (124, {"seconds": 0.1, "fail": {"exit_code": 124}}),
    (130, {"seconds": 0.1, "fail": {"exit_code": 130}}),
    (0, {"seconds": 0}),
]


@pytest.mark.timeout(60 + 3 * RUNS)
def test_under_stress_every_run_ends_with_its_own_code(
    bridge: FakeBridge, tmp_path: Path, stress: None
) -> None:
    def one(number: int) -> tuple[int, int]:
        code, plan = ENDINGS[number % len(ENDINGS)]
        argo = ArgoNode("argo", "wf", f"uid-{number}", "wf.step")
        return code, StepCommand(bridge.url, tmp_path / str(number), argo=argo).run(plan=plan).code

    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(one, range(RUNS)))
    assert [was for _, was in codes] == [expected for expected, _ in codes]
    assert len(bridge.state()["starts"]) == RUNS
