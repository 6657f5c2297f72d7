"""No finding of checkov or kube-score without an explanation, and none explained that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.helm.chart import SETS, Helm, rendered
from tests.helm.judges import Finding, checkov_says, explanations, kube_score_says


def unexplained(findings: set[Finding]) -> list[Finding]:
    known = explanations()
    return sorted(finding for finding in findings if not any(each.covers(finding) for each in known))


def stale(findings: set[Finding], tool: str) -> list[tuple[str, str]]:
    """Globs of explanations that nothing is found under any more."""
    return [
        (each.check, glob)
        for each in explanations()
        if each.tool == tool
        for glob in each.items
        if not any(type(each)(tool, each.check, (glob,), "").covers(finding) for finding in findings)
    ]


def test_checkov_finds_nothing_unexplained(helm: Helm, checkov: Path, tmp_path: Path) -> None:
    for name in SETS:
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump_all(rendered(helm, name)))
    findings = checkov_says(checkov, tmp_path)
    assert unexplained(findings) == []
    assert stale(findings, "checkov") == []


def test_kube_score_finds_nothing_unexplained(helm: Helm, kube_score: Path) -> None:
    findings = {each for name in SETS for each in kube_score_says(kube_score, rendered(helm, name))}
    assert unexplained(findings) == []
    assert stale(findings, "kube-score") == []


def test_every_explanation_has_a_reason_and_a_tool() -> None:
    assert {each.tool for each in explanations()} == {"checkov", "kube-score"}
    assert [each.check for each in explanations() if not each.why.strip().endswith(".")] == []


def test_a_finding_that_nobody_explained_is_told() -> None:
    new = Finding("checkov", "CKV_K8S_16", "Deployment crossover-bridge")
    assert unexplained({new}) == [new]


@pytest.mark.parametrize("tool", ["checkov", "kube-score"])
def test_an_explanation_of_what_is_gone_is_told(tool: str) -> None:
    assert len(stale(set(), tool)) >= 3
