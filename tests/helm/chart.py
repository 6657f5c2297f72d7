"""The chart, rendered: what `helm template` makes of a set of values."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from testbed.kubernetes.programs import KUBERNETES

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/crossover"
TEMPLATES = ROOT / "argo_templates"
TRIAL = CHART / "trial-values.yaml"

RELEASE = "crossover"
NAMESPACE = "crossover"

LIMIT = 60.0
"""Seconds for one call of helm, which takes tenths of one."""

Object = dict[str, Any]
Values = dict[str, Any]

SETS: dict[str, Path] = {
    path.stem: path for path in sorted((Path(__file__).parent / "values").glob("*.yaml"))
}
SETS["trial"] = TRIAL
"""Sets of values that together turn on everything."""


def values_of(name: str) -> Values:
    return yaml.safe_load(SETS[name].read_text()) or {}


class Refused(Exception):
    """helm's own words."""


@dataclass(frozen=True)
class Helm:
    """The program, which needs no cluster for what is asked of it here."""

    program: Path

    def render(
        self,
        values: Values,
        *,
        release: str = RELEASE,
        namespace: str = NAMESPACE,
        kubernetes: str = KUBERNETES,
    ) -> list[Object]:
        """What would be installed. Raises Refused."""
        words = ["template", release, str(CHART), "--namespace", namespace, "--values", "-"]
        words += ["--kube-version", kubernetes]
        documents = yaml.load_all(self._run(words, yaml.safe_dump(values)), yaml.CSafeLoader)
        return [document for document in documents if document]

    def lint(self, values: Values) -> str:
        """What it says. Raises Refused."""
        return self._run(["lint", str(CHART), "--strict", "--values", "-"], yaml.safe_dump(values))

    def on_cluster(self, words: list[str], values: Values, kubeconfig: Path, namespace: str) -> str:
        """`install`, `upgrade` or `uninstall` of the release, and what helm says of it. Raises Refused."""
        words = [*words, "--namespace", namespace, "--kubeconfig", str(kubeconfig)]
        return self._run(words, yaml.safe_dump(values))

    def package(self, folder: Path) -> Path:
        """The archive, in `folder`. Raises Refused."""
        self._run(["package", str(CHART), "--destination", str(folder)], "")
        (found,) = folder.glob("*.tgz")
        return found

    def _run(self, words: list[str], given: str) -> str:
        command = [str(self.program), *words]
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        if done.returncode:
            raise Refused(done.stdout + done.stderr)
        return done.stdout


@cache
def rendered(helm: Helm, name: str) -> tuple[Object, ...]:
    """A set of SETS."""
    return tuple(helm.render(values_of(name)))


def of_kind(objects: tuple[Object, ...] | list[Object], *kinds: str) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds]


def named(objects: tuple[Object, ...] | list[Object], kind: str, name: str) -> Object:
    (found,) = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
    return found


def title(item: Object) -> str:
    """For messages."""
    return f"{item['kind']} {item['metadata']['name']}"


def pods(objects: tuple[Object, ...] | list[Object]) -> Iterator[tuple[str, Object]]:
    """Each pod's spec, by the object that has it; templates of Argo's are not among them."""
    for item in of_kind(objects, "Deployment"):
        yield title(item), item["spec"]["template"]["spec"]
    for item in of_kind(objects, "Pod"):
        yield title(item), item["spec"]


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", []), *pod["containers"]]
