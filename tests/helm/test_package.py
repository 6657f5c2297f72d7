"""The chart as a package, and what helm itself has against it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import CHART, ROOT, SETS, Helm, Refused, values_of


@pytest.mark.parametrize("name", SETS)
def test_lint_finds_nothing(helm: Helm, name: str) -> None:
    assert "0 chart(s) failed" in helm.lint(values_of(name))


def test_lint_finds_what_is_wrong(helm: Helm) -> None:
    with pytest.raises(Refused):
        helm.lint({"unknown": 1})


def test_a_package_has_all_that_the_templates_read(helm: Helm, tmp_path: Path) -> None:
    with tarfile.open(helm.package(tmp_path)) as archive:
        names = {each.removeprefix("crossover/") for each in archive.getnames()}
    wanted = {
        each.relative_to(CHART).as_posix()
        for folder in ("files", "rules", "dashboards", "templates")
        for each in (CHART / folder).rglob("*.*")
    }
    assert wanted | {"values.schema.json", "README.md", "trial-values.yaml"} <= names


def test_its_versions_are_the_projects() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (version,) = [
        line.split('"')[1]
        for line in (ROOT / "pyproject.toml").read_text().splitlines()
        if line.startswith("version = ")
    ]
    assert chart["version"] == chart["appVersion"] == version
