"""YAML → graph: line numbers, bounds, and that nothing is dropped."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from argo_flow.graph.bundle import Kind
from argo_flow.graph.source import Severity
from argo_flow.graph.templates import (
    Backoff,
    Container,
    ContinueOn,
    Dag,
    EnvVar,
    Opaque,
    Script,
    Steps,
    Suspend,
    ValueFrom,
)
from argo_flow.parse import parse_texts
from argo_flow.parse.tree import MAX_ALIASES, MAX_BYTES, MAX_DEPTH
from tests.argo_flow.workflows import bundle, codes, shell, workflow

EVERYTHING = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: all-
  namespace: team
  labels: {tier: gold}
  annotations: {note: "1"}
spec:
  entrypoint: main
  activeDeadlineSeconds: 600
  arguments:
    parameters: [{name: source, value: db, enum: [db, file], description: what, globalName: g}]
  templates:
  - name: main
    dag:
      target: last
      failFast: false
      tasks:
      - name: first
        template: work
        arguments: {parameters: [{name: amount, value: 3}]}
      - name: last
        templateRef: {name: other, template: t, clusterScope: true}
        depends: first.Succeeded
        when: "{{tasks.first.outputs.result}} == ok"
        continueOn: {failed: true}
  - name: work
    inputs: {parameters: [{name: amount, default: "1"}]}
    outputs: {parameters: [{name: rows, valueFrom: {path: /tmp/rows, default: "0"}}]}
    timeout: 5m
    activeDeadlineSeconds: "60"
    retryStrategy:
      limit: 2
      retryPolicy: Always
      expression: asInt(lastRetry.exitCode) > 1
      backoff: {duration: 1s, factor: 2, maxDuration: 1m, cap: 10s}
    container:
      image: busybox
      command: [sh, -c]
      args: ["exit 0"]
      workingDir: /work
      env: [{name: A, value: b}]
  - name: code
    script: {image: python, command: [python], source: print(1)}
  - name: pause
    suspend: {duration: 10}
  - name: groups
    steps: [[{name: s, template: code}, {name: i, inline: {container: {image: x, command: ["true"]}}}]]
  - name: call
    http: {url: somewhere}
"""


def test_every_kind_of_template_is_mapped() -> None:
    document = bundle(EVERYTHING).documents[0]
    assert (document.kind, document.generate_name, document.namespace) == (Kind.WORKFLOW, "all-", "team")
    assert (document.labels, document.annotations) == ({"tier": "gold"}, {"note": "1"})
    assert document.active_deadline_seconds == "600"
    bodies = {template.name: type(template.body) for template in document.templates}
    assert bodies == {
        "main": Dag, "work": Container, "code": Script, "pause": Suspend, "groups": Steps, "call": Opaque,
    }  # fmt: skip


def test_parameters_keep_everything_that_is_written() -> None:
    document = bundle(EVERYTHING).documents[0]
    (source,) = document.arguments
    assert (source.value, source.enum, source.global_name) == ("db", ("db", "file"), "g")
    work = document.template("work")
    assert work.inputs[0].default == "1"
    assert work.outputs[0].value_from == ValueFrom(path="/tmp/rows", default="0")


def test_a_dag_keeps_conditions_targets_and_arguments_as_text() -> None:
    dag = bundle(EVERYTHING).documents[0].template("main").body
    assert isinstance(dag, Dag)
    assert (dag.targets, dag.fail_fast) == (("last",), False)
    first, last = dag.tasks
    assert first.arguments[0].value == "3"
    assert str(last.depends) == "first.Succeeded"
    assert last.continue_on == ContinueOn(failed=True)
    assert last.template_ref is not None
    assert last.template_ref.cluster_scope


def test_a_container_keeps_its_command_environment_and_retries() -> None:
    work = bundle(EVERYTHING).documents[0].template("work")
    assert isinstance(work.body, Container)
    assert work.body.command + work.body.args == ("sh", "-c", "exit 0")
    assert work.body.env == (EnvVar("A", work.body.env[0].source, "b"),)
    assert work.retry_strategy is not None
    assert work.retry_strategy.backoff == Backoff("1s", "2", "1m", "10s")
    assert (work.timeout, work.active_deadline_seconds) == ("5m", "60")


def test_everything_knows_its_file_and_line() -> None:
    document = parse_texts({"wf.yaml": EVERYTHING}).documents[0]
    assert str(document.source) == "wf.yaml:2"
    assert str(document.template("main").source) == "wf.yaml:15"
    assert str(document.template("main").calls[1].source) == "wf.yaml:23"
    assert [str(tagged.source) for tagged in document.template("main").tagged] == ["wf.yaml:26"]


def _mappings(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        found.append(path)
        for key, item in value.items():
            found += _mappings(item, (*path, key))
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += _mappings(item, (*path, index))
    return found


FREE = ("labels", "annotations")
"""Maps whose keys are the user's own."""

PLACES = [path for path in _mappings(yaml.safe_load(EVERYTHING)) if not any(key in path for key in FREE)]


@given(st.sampled_from(PLACES), st.from_regex(r"[a-z]{4,12}Xyz", fullmatch=True))
def test_a_key_that_argo_does_not_know_is_reported_wherever_it_stands(
    path: tuple[Any, ...], key: str
) -> None:
    document = yaml.safe_load(EVERYTHING)
    place = document
    for step in path:
        place = place[step]
    place[key] = "value"
    findings = parse_texts({"wf.yaml": yaml.safe_dump(document)}).diagnostics
    assert [(finding.code, key in finding.message) for finding in findings] == [("unknown-key", True)]


def test_a_known_key_that_is_not_modelled_is_carried_with_its_line() -> None:
    text = workflow("- name: main\n  daemon: true\n  container: {image: x, resources: {limits: {cpu: 1}}}")
    template = parse_texts({"wf.yaml": text}).documents[0].template("main")
    assert template.extra["daemon"].value is True
    assert isinstance(template.body, Container)
    assert template.body.extra["resources"].value == {"limits": {"cpu": 1}}
    assert template.extra["daemon"].source.line == 9


@pytest.mark.parametrize(
    ("plugin", "found"), [("{a: {b: 1}}", []), ("{a: {}, b: {}}", ["plugin-name"]), ("{}", ["plugin-name"])]
)
def test_a_plugin_template_names_one_plugin_whose_content_is_its_own(plugin: str, found: list[str]) -> None:
    assert codes(workflow(f"- name: main\n  plugin: {plugin}")) == found


def test_artifacts_and_loops_are_carried_not_dropped() -> None:
    text = workflow(
        """
        - name: main
          inputs: {artifacts: [{name: a, path: /a}]}
          steps: [[{name: s, template: main, withItems: [1, 2], arguments: {artifacts: [{name: a}]}}]]
        """
    )
    template = bundle(text).documents[0].template("main")
    assert template.extra["inputs.artifacts"].value == [{"name": "a", "path": "/a"}]
    assert set(template.calls[0].extra) == {"withItems", "arguments.artifacts"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: 1\na: 2", "duplicate-key"),
        ("a: &x [*x]", "yaml-alias"),
        ("a: *nobody", "yaml-alias"),
        ("<<: {a: 1}", "yaml-merge"),
        ("? [a]\n: 1", "yaml-key"),
        ("a: !!python/object:os.system x", "yaml-tag"),
        ("a: [", "yaml-syntax"),
        ('a: "\\UFFFFFFFF"', "yaml-syntax"),
        ('a: "\\ud800"', "yaml-syntax"),
        ("a: \x01", "yaml-syntax"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "too-deep"),
        ("[" * 100_000, "too-deep"),
        ("a: " + "x" * MAX_BYTES, "too-large"),
        ("- &x 1\n" + "- *x\n" * (MAX_ALIASES + 1), "too-many-aliases"),
    ],
)
def test_hostile_or_broken_yaml_is_one_finding(text: str, code: str) -> None:
    assert codes(text) == [code]


def test_aliases_cost_what_they_stand_for() -> None:
    lines = ["a0: &a0 [" + "x, " * 99 + "x]"]
    lines += [f"a{n}: &a{n} [" + f"*a{n - 1}, " * 9 + f"*a{n - 1}]" for n in range(1, 9)]
    assert codes("\n".join(lines)) == ["too-large"]


@given(st.text(max_size=200) | st.text(alphabet="abn: -[]{}&*!|>\"'\n#?,%", max_size=80))
def test_no_text_makes_the_parser_raise(text: str) -> None:
    parsed = parse_texts({"wf.yaml": text})
    assert not parsed.documents
    assert all(finding.source.line >= 1 for finding in parsed.diagnostics)


def test_keys_and_texts_that_yaml_takes_for_something_else_are_errors() -> None:
    text = workflow("- name: n\n  container: {image: 1.5, command: [yes], on: x}")
    findings = parse_texts({"wf.yaml": text}).diagnostics
    assert sorted(finding.code for finding in findings) == ["unknown-key"] + ["yaml-not-text"] * 4
    assert "wf.yaml:8: error[yaml-not-text]: spec.templates[0].name: YAML reads 'n' as false" in str(
        findings[0]
    )


def test_a_value_that_yaml_would_change_is_a_warning_that_says_into_what() -> None:
    text = workflow(shell("main", "true"), spec="arguments: {parameters: [{name: v, value: 1.10}]}")
    (finding,) = parse_texts({"wf.yaml": text}).diagnostics
    assert finding.severity is Severity.WARNING
    assert "1.10 is read as 1.1" in finding.message


def test_documents_of_other_kinds_are_named_not_silently_skipped() -> None:
    text = "kind: ConfigMap\napiVersion: v1\n---\n" + workflow(shell("main", "true")) + "---\n"
    parsed = parse_texts({"many.yaml": text})
    assert [document.name for document in parsed.documents] == ["wf"]
    assert [(finding.code, finding.source.line) for finding in parsed.diagnostics] == [("other-kind", 1)]


@pytest.mark.parametrize(
    ("templates", "code"),
    [
        ("- {name: main}", "template-kind"),
        ("- {name: main, container: {image: x}, suspend: {}}", "template-kind"),
        ("- {container: {image: x}}", "missing-name"),
        ("- name: main\n  steps: [{name: a, template: b}]", "wrong-type"),
        ("- name: main\n  steps: [[{name: a}]]", "call-target"),
        ("- name: main\n  dag: {tasks: [{name: a, template: b, depends: a.Done}]}", "depends"),
        ("- name: main\n  timeout: 5m\n  steps: [[{name: a, template: b}]]", "deadline"),
        ("- name: main\n  timeout: '30'\n  suspend: {}", "deadline"),
        ("- name: main\n  retryStrategy: {limit: 1, retryPolicy: Often}\n  suspend: {}", "retry-policy"),
        ("- name: main\n  retryStrategy: {}\n  suspend: {}", "retry-unlimited"),
        (
            "- name: main\n  retryStrategy: {limit: 1, expression: 'len(x) > 1'}\n  suspend: {}",
            "retry-expression",
        ),
    ],
)
def test_what_argo_would_refuse_has_a_code(templates: str, code: str) -> None:
    assert codes(workflow(templates)) == [code]


def test_an_explicit_null_reads_as_absent() -> None:
    (document,) = bundle(workflow(shell("main", "true", rest="timeout: null\nretryStrategy: ~"))).documents
    assert document.template("main").timeout is None
    assert document.template("main").retry_strategy is None
