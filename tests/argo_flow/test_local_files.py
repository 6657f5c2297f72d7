"""Sandboxed paths, log files, and what the runner refuses."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_flow.graph.source import Source
from argo_flow.graph.templates import Parameter, ValueFrom
from argo_flow.local import LocalRunner, Refused
from argo_flow.local.environment import expand
from argo_flow.local.logfile import MAX_LINE, MAX_PART, Lines, LogFile
from argo_flow.local.sandbox import Sandbox
from argo_flow.local.settings import inherited
from tests.argo_flow.workflows import bundle, shell, workflow


def output(path: str) -> Parameter:
    return Parameter("out", Source("wf.yaml", 1), value_from=ValueFrom(path=path))


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("/tmp/outputs/rows", "{}/tmp/outputs/rows"),
        ("DIR=/tmp/outputs", "DIR={}/tmp/outputs"),
        ("cat /tmp/outputs/other > '/tmp/outputs/rows'", "cat {}/tmp/outputs/other > '{}/tmp/outputs/rows'"),
        ("/tmp/outputs2", "/tmp/outputs2"),
        ("/tmp/outputs.txt", "/tmp/outputs.txt"),
        ("/var/tmp/outputs/rows", "/var/tmp/outputs/rows"),
        ("https://host/tmp/outputs", "https://host/tmp/outputs"),
        ("/etc/passwd", "/etc/passwd"),
    ],
)
def test_declared_paths_and_their_directories_move_into_the_sandbox(
    tmp_path: Path, text: str, moved: str
) -> None:
    sandbox = Sandbox(tmp_path, (output("/tmp/outputs/rows"),))
    assert sandbox.rewrite(text) == moved.replace("{}", str(tmp_path))
    assert sandbox.inside("/tmp/outputs/rows").parent.is_dir()


def test_an_output_at_the_root_moves_alone(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, (output("/rows"),))
    assert sandbox.rewrite("/rows /etc /row") == f"{tmp_path}/rows /etc /row"


@pytest.mark.parametrize("path", ["/../../etc/passwd", "../../etc/passwd", "/tmp/../../x"])
def test_no_path_leads_out_of_the_sandbox(tmp_path: Path, path: str) -> None:
    root = tmp_path / "box"
    inside = Sandbox(root, (output(path),)).inside(path)
    assert inside.resolve().is_relative_to(root)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)-$(B)", "1-$(B)"),
        ("$$(A)", "$(A)"),
        ("$$", "$"),
        ("$A ${A} $(", "$A ${A} $("),
        ("$(ls -l)", "$(ls -l)"),
    ],
)
def test_variables_are_expanded_as_kubernetes_does(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_lines_do_not_depend_on_how_the_bytes_arrive(chunks: list[bytes]) -> None:
    seen: list[bytes] = []
    lines = Lines(seen.append)
    for chunk in chunks:
        lines.feed(chunk)
    lines.end()
    assert seen == b"".join(chunks).removesuffix(b"\n").split(b"\n") or (seen == [] and not b"".join(chunks))


def test_an_endless_line_is_handed_on_in_pieces() -> None:
    seen: list[bytes] = []
    lines = Lines(seen.append)
    lines.feed(b"x" * (2 * MAX_LINE + 10))
    assert [len(piece) for piece in seen] == [MAX_LINE, MAX_LINE]


def test_the_log_has_the_kubelets_format(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "node.log"
    with LogFile(path) as log:
        log.write("stdout", b"hello")
        log.write("stderr", b"x" * (MAX_PART + 1))
        log.write("stdout", b"")
    records = path.read_bytes().splitlines()
    assert [record.split(b" ", 3)[1:3] for record in records] == [
        [b"stdout", b"F"],
        [b"stderr", b"P"],
        [b"stderr", b"F"],
        [b"stdout", b"F"],
    ]
    stamps = [record.split(b" ")[0].decode() for record in records]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", stamp) for stamp in stamps)
    assert datetime.fromisoformat(stamps[0]) <= datetime.fromisoformat(stamps[-1])


@pytest.mark.parametrize(
    ("templates", "what"),
    [
        ("- {name: main, http: {url: x}}", "http templates"),
        ("- {name: main, suspend: {}}", "suspend without a duration"),
        ("- {name: main, daemon: true, container: {image: x, command: [a]}}", "daemon"),
        ("- {name: main, sidecars: [], container: {image: x, command: [a]}}", "sidecars"),
        ("- {name: main, inputs: {artifacts: []}, container: {image: x, command: [a]}}", "inputs.artifacts"),
        ("- {name: main, memoize: {}, container: {image: x, command: [a]}}", "memoize"),
        ("- {name: main, synchronization: {}, container: {image: x, command: [a]}}", "synchronization"),
        ("- {name: main, container: {image: x}}", "a container without a command"),
        ("- {name: main, container: {image: x, command: [a], envFrom: []}}", "container.envFrom"),
        ("- {name: main, container: {image: x, command: [a], env: [{name: P, valueFrom: {}}]}}", "env P"),
        ("- {name: main, container: {image: x, command: ['{{=1}}']}}", "the expression tag"),
        ("- {name: main, volumes: [{name: v, nfs: {}}], container: {image: x, command: [a]}}", "volume v"),
        ("- {name: main, retryStrategy: {limit: 1, expression: f(x)}, suspend: {duration: 1}}",
         "retryStrategy.expression"),
        ("- {name: main, steps: [[{name: a, template: main, withItems: [1]}]]}", "a: withItems"),
        ("- {name: main, steps: [[{name: a, template: main, hooks: {}}]]}", "a: hooks"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_refused_with_its_place_before_anything_starts(
    tmp_path: Path, templates: str, what: str
) -> None:
    runner = LocalRunner(tmp_path / "runs", environment=inherited())
    with pytest.raises(Refused) as refused:
        await runner.run(bundle(workflow(templates)))
    assert [finding.code for finding in refused.value.findings] == ["not-local"]
    assert f"not supported locally: {what}" in str(refused.value).replace("the volume", "volume")
    assert "0.yaml:8" in str(refused.value)
    assert not (tmp_path / "runs").exists()


async def test_a_template_that_is_never_reached_may_hold_anything(tmp_path: Path) -> None:
    runner = LocalRunner(tmp_path, environment=inherited())
    result = await runner.run(bundle(workflow(shell("main", "true") + "- {name: other, http: {url: x}}")))
    assert result.phase == "Succeeded"


async def test_a_variable_from_a_secret_can_be_given_by_the_caller(tmp_path: Path) -> None:
    env = "env: [{name: P, valueFrom: {secretKeyRef: {name: s, key: k}}}]"
    text = workflow(f"- name: main\n  container: {{image: x, command: [sh, -c, 'echo $P'], {env}}}")
    runner = LocalRunner(tmp_path, environment=inherited(), overrides={"P": "given"})
    assert (await runner.run(bundle(text))).outputs.result == "given"


async def test_two_runs_of_one_name_do_not_share_a_directory(tmp_path: Path) -> None:
    text = workflow(shell("main", "true"))
    await LocalRunner(tmp_path, environment=inherited()).run(bundle(text))
    with pytest.raises(FileExistsError):
        await LocalRunner(tmp_path, environment=inherited()).run(bundle(text))
