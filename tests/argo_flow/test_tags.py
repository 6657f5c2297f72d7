"""`{{…}}` substitution."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_flow.graph.source import Source
from argo_flow.graph.tags import SubstitutionError, map_texts, sole_tag, substitute, tags
from argo_flow.graph.templates import Container, EnvVar

VARIABLES: dict[str, str | None] = {"workflow.name": "wf-1", "steps.a.outputs.result": None, "item": "x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run {{workflow.name}}/{{ workflow.name }}", "run wf-1/wf-1"),
        ("docker ps --format {{.Names}}", "docker ps --format {{.Names}}"),
        ("{{=workflow.name + '!'}}", "{{=workflow.name + '!'}}"),
        ("{{}}", "{{}}"),
        ("{{item}}", "x"),
        ("{ {workflow.name} }", "{ {workflow.name} }"),
    ],
)
def test_argos_names_are_replaced_and_other_braces_left_alone(text: str, expected: str) -> None:
    assert substitute(text, VARIABLES) == expected


def test_an_unknown_name_of_argos_is_an_error_unless_it_may_come_later() -> None:
    with pytest.raises(SubstitutionError, match=r"failed to resolve \{\{tasks\.b\.id\}\}"):
        substitute("{{tasks.b.id}}", VARIABLES)
    assert substitute("{{tasks.b.id}}", VARIABLES, strict=()) == "{{tasks.b.id}}"


def test_the_absent_output_of_a_skipped_node_is_an_error() -> None:
    with pytest.raises(SubstitutionError, match="skipped or omitted"):
        substitute("got {{steps.a.outputs.result}}", VARIABLES)


def test_a_text_that_is_one_tag_is_told_from_one_that_holds_some() -> None:
    assert sole_tag(" {{workflow.name}} ") == tags("{{workflow.name}}")[0]
    assert sole_tag("{{a}}{{b}}") is None
    assert sole_tag("x{{a}}") is None


@given(st.text(max_size=60))
def test_a_value_is_inserted_as_it_is_and_not_read_again(value: str) -> None:
    assert substitute("<{{item}}>", {"item": value}) == f"<{value}>"


@given(st.text(alphabet="{}= ab.", max_size=40))
def test_a_text_without_argos_names_is_never_changed(text: str) -> None:
    assert substitute(text, VARIABLES) == text


def test_every_text_of_a_part_of_the_graph_is_reached() -> None:
    container = Container("i", ("c",), ("a",), (EnvVar("N", Source("f", 1), "v"),), "w")
    changed = map_texts(container, lambda text: text + "!")
    assert changed == Container("i!", ("c!",), ("a!",), (EnvVar("N!", Source("f!", 1), "v!"),), "w!")
