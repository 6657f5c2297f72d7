"""A bad document is refused whole, and told where it is wrong; the schema says the same beforehand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from crossover.flags.model import Document
from crossover.flags.schema import document_schema, read_document
from tests.crossover.flags.documents import documents


def one(**flag: Any) -> dict[str, Any]:
    return {"schema": 1, "flags": {"f": flag}}


IN_SHAPE: list[tuple[Any, str]] = [  # what only the model can tell is wrong
    (one(deny=[{"tenants": ["Acme"]}]), "flags.f.deny[0].tenants[0]"),
    (one(rollout=[{"crossover": 0.0001}]), "flags.f.rollout[0].crossover"),
    (one(rollout=[{"crossover": 60, "shadow": 60}]), "flags.f.rollout[0]"),
    (one(rollout=[{"plan": {"steps": [{"hold": "1x"}]}}]), "flags.f.rollout[0].plan.steps[0].hold"),
    (one(rollout=[{"plan": {"steps": [{}], "step": 1}}]), "flags.f.rollout[0].plan"),
]
OUT_OF_SHAPE: list[tuple[Any, str]] = [
    (None, "the document"),
    ([], "the document"),
    ({"schema": 2}, "schema"),
    ({"killed": True}, "killed"),
    ({"kill": "perhaps"}, "kill"),
    ({"flags": []}, "flags"),
    ({"flags": {"No-Name": {}}}, "flags.No-Name"),
    (one(denied=[]), "flags.f.denied"),
    (one(deny=[{"tenants": []}]), "flags.f.deny[0].tenants"),
    (one(deny=[{"tenants": "acme"}]), "flags.f.deny[0].tenants"),
    (one(allow=[{"tenants": ["a"], "variant": "legacy"}]), "flags.f.allow[0].variant"),
    (one(allow=[{"tenants": ["a"], "when": {"region": ["x"]}}]), "flags.f.allow[0].when.region"),
    (one(allow=[{"tenants": ["a"], "when": {"app": "x"}}]), "flags.f.allow[0].when.app"),
    (one(allow=[{"tenants": ["a"], "when": {"app": [""]}}]), "flags.f.allow[0].when.app[0]"),
    (one(rollout=[{"crossover": -1}]), "flags.f.rollout[0].crossover"),
    (one(rollout=[{"shadow": 101}]), "flags.f.rollout[0].shadow"),
    (one(salt=""), "flags.f.salt"),
]


@pytest.mark.parametrize(("value", "place"), [*IN_SHAPE, *OUT_OF_SHAPE])
def test_a_bad_document_is_refused_naming_the_place(value: Any, place: str) -> None:
    with pytest.raises(ValueError) as refused:
        read_document(value)
    assert str(refused.value).partition(": ")[0] == place
    assert "pydantic" not in str(refused.value)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_percentage_is_a_finite_number(number: str) -> None:
    with pytest.raises(ValueError, match=r"^flags\.f\.rollout\[0\]\.crossover"):
        read_document(one(rollout=[{"crossover": float(number)}]))


def test_every_wrong_place_is_told_at_once() -> None:
    with pytest.raises(ValueError) as refused:
        read_document({"kill": "perhaps", "flags": {"f": {"salt": ""}}})
    assert [told.partition(": ")[0] for told in str(refused.value).split("; ")] == ["kill", "flags.f.salt"]


@given(documents())
def test_a_document_that_is_read_fits_the_schema(document: Document) -> None:
    written = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert read_document(written) == document
    Draft202012Validator(document_schema()).validate(written)


@pytest.mark.parametrize(("value", "place"), OUT_OF_SHAPE)
def test_what_is_out_of_shape_does_not_fit_the_schema(value: Any, place: str) -> None:
    assert not Draft202012Validator(document_schema()).is_valid(value), place


def test_the_schema_is_one_itself() -> None:
    Draft202012Validator.check_schema(document_schema())
