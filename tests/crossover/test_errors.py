"""The error tree and its table: every row."""

from __future__ import annotations

import pytest

from crossover import errors
from crossover.contract.run import ExitCode
from crossover.errors import TABLE, CrossoverError, cut, problem, row_of


def tree(of: type[CrossoverError]) -> set[type[CrossoverError]]:
    return {of}.union(*(tree(below) for below in of.__subclasses__()))


def test_every_error_has_a_row_and_every_row_an_error() -> None:
    every = tree(CrossoverError) - {CrossoverError}
    assert set(TABLE) == {error for error in every if error.__module__ == errors.__name__}
    assert all(row_of(error("It went wrong.")) in TABLE.values() for error in every)


def test_kinds_are_unique_and_shown_in_the_drawn_tree() -> None:
    assert len({row.kind for row in TABLE.values()}) == len(TABLE)
    drawn = errors.__doc__ or ""
    for error, row in TABLE.items():
        line = next(line for line in drawn.splitlines() if f" {error.__name__} " in line)
        assert str(row.status) in line


@pytest.mark.parametrize("error", TABLE, ids=lambda each: each.__name__)
def test_a_problem_carries_status_exit_code_and_field(error: type[CrossoverError]) -> None:
    body = problem(error("It went wrong.", field="argo.uid"), instance="/v1/runs")
    row = TABLE[error]
    assert body["type"] == f"urn:crossover:error:{row.kind}"
    assert (body["status"], body["exit_code"], body["retryable"]) == (
        row.status,
        int(row.exit_code),
        row.retryable,
    )
    assert (body["field"], body["instance"], body["detail"]) == ("argo.uid", "/v1/runs", "It went wrong.")


@pytest.mark.parametrize("error", TABLE, ids=lambda each: each.__name__)
def test_what_is_transient_for_argo_is_retried_by_the_step_and_nothing_else_is(
    error: type[CrossoverError],
) -> None:
    row = TABLE[error]
    assert row.retryable == (row.exit_code is ExitCode.UNAVAILABLE) == (row.status in {429, 500, 503, 504})


def test_an_error_without_a_row_of_its_own_means_what_its_base_means() -> None:
    class Later(errors.Busy): ...

    assert row_of(Later("x")) is TABLE[errors.Busy]


def test_foreign_text_is_cut() -> None:
    assert cut("x" * 10_000).endswith("…")
    assert len(cut("x" * 10_000)) == errors.FOREIGN_TEXT_LIMIT
    assert cut("short") == "short"
