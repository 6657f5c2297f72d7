"""`crossover template`: what it prints can be applied, and is otherwise what is shipped."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from argo_flow.check import check_bundle
from argo_flow.graph.bundle import Document, Kind
from argo_flow.graph.templates import Container
from argo_flow.parse import parse_texts
from crossover.cli.template.command import template
from crossover.cli.template.modes import MODES, TEMPLATES
from crossover.cli.template.parameters import HELP, parameters_of

AWKWARD = "quotes \" and ' and \\ and {}: #\n\tüñ\U0001f600 - on"
GIVEN = {
    "input": '{"a": "\\"b\\""}',
    "details": '{"tables": 3}',
    "input-params": 'a=b=c\nnote=on: "x" \\1 \\g<0>',
    "shadow-input-params": "output=/shadow",
    "timeout": "90m",
    "cancel-grace": "45s",
    "expires-in": "1h30m",
    "shadow-wait": "10s",
    "scope": "attempt",
    "on-cancel": "abandon",
    "four-eyes": "false",
    "run-retries": "5",
    "bridge": "https://bridge.example:8443",
}


def called(*words: str) -> Result:
    return CliRunner().invoke(template, list(words), prog_name="crossover template", env={"COLUMNS": "300"})


def printed(*words: str) -> str:
    result = called("render", *words)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def document(text: str) -> Document:
    """The one document of the text, which has nothing wrong with it that a single file can tell."""
    bundle = parse_texts({"printed": text})
    assert [each for each in check_bundle(bundle) if each.code != "unresolved"] == []
    (found,) = bundle.documents
    return found


def test_the_list_has_a_line_for_each_mode() -> None:
    lines = called("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(MODES)
    assert max(map(len, lines)) <= 110


def test_every_folder_with_a_template_is_a_mode() -> None:
    assert {path.parent.name for path in TEMPLATES.glob("*/workflow-template.yaml")} == set(MODES)


@pytest.mark.parametrize("mode", MODES)
def test_without_flags_it_is_what_is_shipped(mode: str) -> None:
    assert printed(mode) == (TEMPLATES / mode / "workflow-template.yaml").read_text()


@pytest.mark.parametrize("mode", MODES)
def test_the_cluster_workflow_template_that_is_shipped_is_the_rendered_one(mode: str) -> None:
    """`crossover template render MODE --cluster > argo_templates/MODE/cluster-workflow-template.yaml`."""
    text = printed(mode, "--cluster")
    assert text == (TEMPLATES / mode / "cluster-workflow-template.yaml").read_text()
    assert document(text).kind is Kind.CLUSTER_WORKFLOW_TEMPLATE


@pytest.mark.parametrize("mode", MODES)
def test_every_parameter_of_a_mode_has_a_flag_that_gives_it_a_default(mode: str) -> None:
    shipped = MODES[mode].text()
    values = {name: GIVEN.get(name, AWKWARD) for name in parameters_of(MODES[mode], shipped)}
    words = [word for name, value in values.items() for word in (f"--{name}", value)]
    found = document(printed(mode, *words)).templates[0]
    assert {each.name: each.default for each in found.inputs if each.name in values} == values
    assert [each.name for each in found.inputs] == [
        each.name for each in document(shipped).templates[0].inputs
    ]


def test_no_flag_is_for_a_parameter_that_no_mode_has() -> None:
    assert set(HELP) == {name for mode in MODES.values() for name in parameters_of(mode, mode.text())}


@pytest.mark.parametrize("mode", MODES)
def test_all_lines_but_those_of_the_flags_stay_as_they_are(mode: str) -> None:
    name = next(iter(parameters_of(MODES[mode], MODES[mode].text())))
    before, after = MODES[mode].text().splitlines(), printed(mode, f"--{name}", "mine").splitlines()
    (line,) = (line for line in after if "mine" in line)
    assert [each for each in after if each != line] == before


@pytest.mark.parametrize("mode", MODES)
def test_name_and_namespace_go_where_kubernetes_reads_them(mode: str) -> None:
    text = printed(mode, "--name", "my.own", "--namespace", "team-a")
    found = document(text)
    assert (found.name, found.namespace) == ("my.own", "team-a")
    assert f"name: {MODES[mode].template}\n" not in text


def test_image_and_secret_are_replaced_everywhere() -> None:
    pods = document(
        printed("crossover-or-legacy", "--image", "registry.example:5000/crossover:1.2")
    ).templates
    images = {each.body.image for each in pods if isinstance(each.body, Container)}
    assert images == {"registry.example:5000/crossover:1.2"}
    assert "secretKeyRef: {name: mine, key: authorization}" in printed("callback", "--secret", "mine")


def test_the_bridge_is_the_same_in_all_templates_of_a_file() -> None:
    found = document(printed("crossover-or-legacy", "--bridge", GIVEN["bridge"]))
    defaults = {each.default for one in found.templates for each in one.inputs if each.name == "bridge"}
    assert defaults - {None} == {GIVEN["bridge"]}


def test_a_value_that_argo_will_fill_is_left_to_argo() -> None:
    text = printed("step", "--timeout", "{{workflow.parameters.limit}}")
    assert 'default: "{{workflow.parameters.limit}}"' in text


@pytest.mark.parametrize(
    ("words", "flag", "said"),
    [
        (["nope"], "MODE", "there is no mode 'nope'; there are step, callback, plugin, agent, approval"),
        (["step", "--bogus", "1"], "--bogus", "No such option"),
        (["plugin", "--bridge", "http://b"], "--bridge", "the mode plugin has no such parameter"),
        (["approval", "--app", "a"], "--app", "the mode approval has no such parameter; it has --title"),
        (["agent", "--image", "a"], "--image", "the mode agent has no pod of its own"),
        (["step", "--secret", "a"], "--secret", "the mode step sends no Secret"),
        (["step", "--cluster", "--namespace", "a"], "--namespace", "is in no namespace"),
        (["step", "--name", "My_Name"], "--name", "lower-case letters"),
        (["step", "--namespace", "a.b"], "--namespace", "no dots"),
        (["step", "--image", "a b"], "--image", "NAME[:TAG]"),
        (["step", "--timeout", "10"], "--timeout", "with its units"),
        (["step", "--timeout", "1d"], "--timeout", "with its units"),
        (["step", "--scope", "pod"], "--scope", "write one of node, attempt"),
        (["step", "--run-retries", "6"], "--run-retries", "a whole number up to 5"),
        (["step", "--input", "[1]"], "--input", "a JSON object"),
        (["step", "--input", '{"a": 1, "a": 2}'], "--input", "is not JSON"),
        (["step", "--input-params", "novalue"], "--input-params", "KEY=VALUE"),
        (["step", "--bridge", "ftp://x"], "--bridge", "http://HOST"),
        (["step", "--app", "a\x1bb"], "--app", "cannot be written out"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_the_flags_name(words: list[str], flag: str, said: str) -> None:
    result = called("render", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert flag in result.stderr
    assert said in result.stderr
