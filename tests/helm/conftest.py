"""helm, built from its Go module at the first run. Nothing here needs root; one file needs an API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.kubernetes.build import Unbuilt, build
from testbed.kubernetes.programs import HELM_CLIENT, KUBE_SCORE, GoProgram
from tests.argo.conftest import admin as admin
from tests.argo.conftest import control_plane as control_plane
from tests.argo.conftest import fresh_name as fresh_name
from tests.argo.conftest import namespace as namespace
from tests.argo.conftest import pytest_collection_finish as _build_control_plane
from tests.helm.chart import Helm
from tests.helm.judges import Uninstalled, install_checkov

_PROGRAMS = {"helm": HELM_CLIENT, "kube_score": KUBE_SCORE}
_WHY_NOT = pytest.StashKey[dict[str, str]]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Builds before the first test, whose time limit a build does not fit into."""
    _build_control_plane(session)
    reasons = session.config.stash.setdefault(_WHY_NOT, {})
    if session.config.option.collectonly:
        return
    needed = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    for fixture, program in _PROGRAMS.items():
        if fixture in needed:
            try:
                build([program])
            except Unbuilt as error:
                reasons[fixture] = str(error)
    if "checkov" in needed:
        try:
            install_checkov()
        except Uninstalled as error:
            reasons["checkov"] = str(error)


def _ready(request: pytest.FixtureRequest, fixture: str) -> None:
    if reason := request.config.stash[_WHY_NOT].get(fixture):
        pytest.skip(reason)


def _program(request: pytest.FixtureRequest, fixture: str) -> Path:
    _ready(request, fixture)
    program: GoProgram = _PROGRAMS[fixture]
    return build([program]) / program.name


@pytest.fixture(scope="session")
def helm(request: pytest.FixtureRequest) -> Helm:
    return Helm(_program(request, "helm"))


@pytest.fixture(scope="session")
def kube_score(request: pytest.FixtureRequest) -> Path:
    return _program(request, "kube_score")


@pytest.fixture(scope="session")
def checkov(request: pytest.FixtureRequest) -> Path:
    _ready(request, "checkov")
    return install_checkov()
