"""Each cell of the page of the modes stands on tests that exist, and not on a real Argo alone."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.argo.modes.flow import MODES
from tests.argo.real.scene import MODES as WITHOUT_STEP_PODS
from tests.project.files import ROOT

PAGE = (ROOT / "docs" / "modes.md").read_text()
REAL = "tests/argo/real/"
COLUMNS = ("what", *MODES)

_REFERENCE = re.compile(r"\[\^(\d+)\](?!:)")
_NOTE = re.compile(r"^\[\^(\d+)\]: (.+)$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")

NOTES = {number: _TEST.findall(text) for number, text in _NOTE.findall(PAGE)}
"""Files and names of tests, by the number of their note."""


def rows() -> list[list[str]]:
    """Of all tables, with their headings."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith("|--")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


CELLS = [
    (row[0], mode, cell)
    for row in rows()
    if tuple(row) != COLUMNS
    for mode, cell in zip(MODES, row[1:], strict=True)
]


@cache
def functions_of(file: str) -> frozenset[str]:
    """Functions of its top level."""
    path = ROOT / file
    body = ast.parse(path.read_text()).body if path.is_file() else []
    return frozenset(each.name for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_table_has_all_modes() -> None:
    assert sum(tuple(row) == COLUMNS for row in rows()) == 3
    assert {len(row) for row in rows()} == {len(COLUMNS)}
    assert len(CELLS) >= 68


@pytest.mark.parametrize(("what", "mode", "cell"), CELLS)
def test_each_cell_says_something_that_a_test_without_a_real_argo_stands_behind(
    what: str, mode: str, cell: str
) -> None:
    assert _REFERENCE.sub("", cell).strip(), "it says nothing"
    behind = [test for number in _REFERENCE.findall(cell) for test in NOTES[number]]
    assert [file for file, _ in behind if not file.startswith(REAL)]
    with_real = [name for file, name in behind if file.startswith(REAL)]
    assert mode in WITHOUT_STEP_PODS or not with_real, "no real Argo's scenario has step pods"


def test_every_test_that_is_named_exists() -> None:
    named = {test for tests in NOTES.values() for test in tests}
    assert len(named) > 50
    assert {(file, name) for file, name in named if name not in functions_of(file)} == set()


def test_every_note_names_tests_and_is_referred_to() -> None:
    assert [number for number, tests in NOTES.items() if not tests] == []
    assert [text for _, text in _NOTE.findall(PAGE) if _TEST.sub("", text).strip(", ")] == []
    assert set(_REFERENCE.findall(PAGE)) == set(NOTES)
    assert list(NOTES) == [str(number) for number in range(1, len(NOTES) + 1)]
