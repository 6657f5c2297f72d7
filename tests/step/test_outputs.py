"""The files that a step leaves for Argo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.cli.step.outputs import argo_progress, replace, to_json, valid_name
from tests.step.programs import StepCommand


def test_declared_outputs_are_files_of_exactly_their_text(step: StepCommand) -> None:
    ended = step.run(
        *("--output", "rows=/counts/rows", "--output", "name=/name"),
        plan={"result": {"counts": {"rows": 3}, "name": "žluťoučký\n"}},
    )
    assert ended.code == 0
    assert step.output("rows") == "3"
    assert step.output("name") == "žluťoučký\n"
    assert sorted(path.name for path in step.outputs.iterdir()) == ["name", "result", "rows"]
    assert (step.outputs / "rows").stat().st_mode & 0o777 == 0o644


def test_a_declared_output_that_the_result_lacks_fails_the_step_and_is_named(step: StepCommand) -> None:
    ended = step.run("--output", "rows=/rows", "--output", "gone=/no/such", plan={"result": {"rows": 3}})
    assert ended.code == 1
    assert "the result has no gone (/no/such)" in ended.out
    assert step.output("rows") == "3", "what there is, is written"


def test_keys_that_cannot_be_files_are_left_out_with_a_warning(step: StepCommand) -> None:
    ended = step.run(plan={"result": {"../evil": 1, "a/b": 2, "": 3, "result": 4, "good": 5}})
    assert ended.code == 0
    assert sorted(path.name for path in step.outputs.iterdir()) == ["good", "result"]
    assert json.loads(step.output("result"))["result"] == 4
    assert ended.out.count("is left out") == 4
    assert not (step.outputs.parent / "evil").exists()


def test_outputs_that_cannot_be_written_fail_the_step(step: StepCommand, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = step.run("--outputs-dir", str(tmp_path / "file"), plan={"result": {"a": 1}})
    assert ended.code == 1
    assert "cannot be written" in ended.out


def test_a_view_file_or_progress_file_that_cannot_be_written_costs_one_warning(
    step: StepCommand, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    ended = step.run(
        *("--view-file", str(tmp_path / "file" / "view.json")),
        plan={"seconds": 4, "progress": ["1/3", "2/3", "3/3"]},
        ARGO_PROGRESS_FILE=str(tmp_path / "no" / "progress"),
    )
    assert ended.code == 0
    assert ended.out.count("cannot be written") == 2


@pytest.mark.parametrize("result", [None, 7, "text", [1, "é"], {"deep": {"er": [None, True]}}])
def test_the_result_is_the_runs_json(step: StepCommand, result: object) -> None:
    assert step.run(plan={"result": result}).code == 0
    assert json.loads(step.output("result")) == result


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "view"
    replace(file, b"old")
    file.chmod(0o444)
    replace(file, b"new")
    assert file.read_bytes() == b"new"
    with pytest.raises(OSError, match="directory"):
        replace(tmp_path, b"not a file")
    assert [path.name for path in tmp_path.iterdir()] == ["view"]


@pytest.mark.parametrize(
    ("progress", "written"),
    [
        ("3/7", "3/7"),
        ("3/7 tables", "3/7"),
        ("0/1", "0/1"),
        ("8/7", None),
        ("0/0", None),
        ("half", None),
        ("1/99999999999999999999", None),
        (" 1/2", None),
        (None, None),
    ],
)
def test_only_what_argo_accepts_is_written_as_progress(progress: str | None, written: str | None) -> None:
    assert argo_progress(progress) == written


@given(st.text())
def test_a_valid_name_stays_inside_its_directory(name: str) -> None:
    if valid_name(name):
        assert (Path("/outputs") / name).parent == Path("/outputs")
        assert not name.startswith("/")


@given(st.text(st.characters(exclude_categories=())))
def test_any_string_that_json_can_carry_survives_as_json(text: str) -> None:
    assert json.loads(to_json({"text": text})) == {"text": text}
