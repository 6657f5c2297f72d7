"""The extractor's pure parts: the generated database, data types, requests and names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.metadata_extractor.build_database import statements
from examples.metadata_extractor.files import read_lines, write_lines
from examples.metadata_extractor.request import MOST_PARTS, parse, part_size
from examples.metadata_extractor.stages import data_type


@pytest.mark.parametrize(
    ("declared", "parts"),
    [
        ("integer", {"data_type": "INTEGER"}),
        ("varchar(40)", {"data_type": "VARCHAR", "length": 40}),
        ("DECIMAL(10, 2)", {"data_type": "DECIMAL", "precision": 10, "scale": 2}),
        ("numeric(5)", {"data_type": "NUMERIC", "precision": 5, "scale": 0}),
        ("timestamp(3) with time zone", {"data_type": "TIMESTAMP WITH TIME ZONE", "length": 3}),
        ("character varying(12)[]", {"data_type": "CHARACTER VARYING []", "length": 12}),
        ("", {"data_type": "ANY"}),
        ("enum('a','b')", {"data_type": "ENUM('A','B')"}),
    ],
)
def test_a_declared_type_has_parts(declared: str, parts: dict[str, Any]) -> None:
    assert data_type(declared) == parts


@given(st.text(max_size=40))
def test_any_declared_type_can_be_read(declared: str) -> None:
    assert data_type(declared)["data_type"] is not None


def test_the_same_seed_gives_the_same_database_and_another_seed_another() -> None:
    first = list(statements(60, 5, seed=7))

    assert list(statements(60, 5, seed=7)) == first
    assert list(statements(60, 5, seed=8)) != first


@pytest.mark.parametrize(("tables", "schemas"), [(1, 1), (700, 2), (2500, 12), (40, 15)])
def test_the_generated_database_has_as_many_tables_as_asked_all_of_different_names(
    tables: int, schemas: int
) -> None:
    made = [s.split('"')[1] for s in statements(tables, schemas, seed=1) if s.startswith("CREATE TABLE")]

    assert len(made) == len(set(made)) == tables
    assert len({name.split("__")[0] for name in made}) == min(schemas, tables)


@given(st.integers(1, 10_000), st.integers(0, 10_000_000))
def test_no_number_of_tables_makes_too_many_batches(batch: int, tables: int) -> None:
    size = part_size(parse({"source": "s", "output": "o", "batch": batch}), tables)

    assert size >= batch
    assert len(range(0, tables, size)) <= MOST_PARTS


def test_a_request_ignores_the_context_that_the_bridge_adds() -> None:
    request = parse({"source": "s", "output": "o", "trace_id": "wf-1", "tenant": "acme"})

    assert (request.source, request.output, request.batch) == ("s", "o", 250)


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_lines(path, [{"a": 1}])

    with pytest.raises(TypeError):
        write_lines(path, [{"a": 2}, {"a": object()}])

    assert list(read_lines(path)) == [{"a": 1}]
    assert list(tmp_path.iterdir()) == [path]


def test_a_slice_of_a_file_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    write_lines(path, ({"n": number} for number in range(10)))

    assert [record["n"] for record in read_lines(path, 3, 4)] == [3, 4, 5, 6]
    assert [record["n"] for record in read_lines(path, 8, 4)] == [8, 9]
