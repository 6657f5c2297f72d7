"""The metadata extractor on a real Temporal: complete, repeatable, and failing when it should."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError, FailureError

from tests.examples.conftest import contents, start, until, worker_process, working

FILES = {
    *(f"raw/{e}/records.jsonl" for e in ("database", "schema", "table", "column", "foreign_key", "index")),
    *(f"processed/{e}/records.jsonl" for e in ("database", "schema", "table", "view", "column")),
    *(f"transformed/{e}/entities.jsonl" for e in ("database", "schema", "table", "view", "column")),
}


async def extract(client: Client, **input: Any) -> dict[str, Any]:
    async with working(client) as queue:
        found: dict[str, Any] = await (await start(client, queue, **input)).result()
    return found


def entities(output: Path, kind: str) -> list[dict[str, Any]]:
    text = (output / "transformed" / kind / "entities.jsonl").read_text()
    return [json.loads(line)["attributes"] for line in text.splitlines()]


@pytest.fixture(scope="module")
async def run(
    client: Client, shop: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Path]:
    """A whole run over 300 tables: its result and its output."""
    output = tmp_path_factory.mktemp("output")
    return await extract(client, source=f"sqlite:///{shop}", output=str(output), batch=50), output


def test_the_result_counts_what_the_database_has(run: tuple[dict[str, Any], Path], shop: Path) -> None:
    result, output = run
    with sqlite3.connect(shop) as connection:
        (columns,) = connection.execute(
            "SELECT count(*) FROM sqlite_schema m JOIN pragma_table_xinfo(m.name)"
            " WHERE m.type IN ('table', 'view')"
        ).fetchone()

    assert result["counts"] == {"schemas": 13, "tables": 300, "views": 15, "columns": columns}
    assert result["output"] == str(output)
    assert result["entities"] == 1 + 13 + 300 + 15 + columns


def test_there_is_one_file_for_each_stage_and_entity_and_nothing_else(
    run: tuple[dict[str, Any], Path],
) -> None:
    assert set(contents(run[1])) == FILES


def test_each_column_belongs_to_a_table_or_view_that_exists(run: tuple[dict[str, Any], Path]) -> None:
    relations = entities(run[1], "table") + entities(run[1], "view")
    names = {relation["qualifiedName"] for relation in relations}
    columns = entities(run[1], "column")

    assert {column["tableQualifiedName"] for column in columns} == names
    assert sum(relation["columnCount"] for relation in relations) == len(columns)
    assert len({column["qualifiedName"] for column in columns}) == len(columns)


def test_each_reference_points_to_a_table_that_exists(run: tuple[dict[str, Any], Path]) -> None:
    tables = {tuple(table["qualifiedName"].split("/")[-2:]) for table in entities(run[1], "table")}
    references = [c["references"] for c in entities(run[1], "column") if c["isForeign"]]

    assert len(references) > 100
    assert {tuple(reference.split(".")) for reference in references} <= tables


def test_an_entity_says_what_the_database_declares(run: tuple[dict[str, Any], Path]) -> None:
    columns = {column["qualifiedName"]: column for column in entities(run[1], "column")}

    assert columns["default/sqlite/sample/shop/sales/customers/status"] == {
        "qualifiedName": "default/sqlite/sample/shop/sales/customers/status",
        "name": "status",
        "connectorName": "sqlite",
        "databaseName": "shop",
        "dataType": "VARCHAR",
        "maxLength": 20,
        "order": 6,
        "isNullable": False,
        "isPrimary": False,
        "isForeign": False,
        "defaultValue": "'new'",
        "description": "State in the approval process",
        "tableQualifiedName": "default/sqlite/sample/shop/sales/customers",
    }
    table = next(t for t in entities(run[1], "table") if t["qualifiedName"].endswith("/sales/customers"))
    assert table["description"] == "All customers of the sales department"


async def test_another_run_writes_the_same_bytes_whatever_its_batches(
    client: Client, shop: Path, run: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    first = await extract(client, source=f"sqlite:///{shop}", output=str(tmp_path), batch=7)
    before = contents(tmp_path)
    again = await extract(client, source=f"sqlite:///{shop}", output=str(tmp_path), batch=300)

    assert contents(tmp_path) == before == contents(run[1])
    assert first == again == {**run[0], "output": str(tmp_path)}


@pytest.mark.parametrize("activity", ["check_source", "fetch_columns", "transform"])
async def test_a_temporary_failure_on_request_is_overcome(
    activity: str,
    client: Client,
    shop: Path,
    run: tuple[dict[str, Any], Path],
    tmp_path: Path,
) -> None:
    fail = {"activity": activity, "kind": "retryable", "times": 1}
    result = await extract(client, source=f"sqlite:///{shop}", output=str(tmp_path), fail=fail)

    assert result["counts"] == run[0]["counts"]
    assert contents(tmp_path) == contents(run[1])


async def failure(client: Client, **input: Any) -> ApplicationError:
    """The error at the root of a failed run."""
    with pytest.raises(WorkflowFailureError) as caught:
        await extract(client, **input)
    cause: BaseException | None = caught.value
    while isinstance(cause, WorkflowFailureError | FailureError) and cause.cause is not None:
        cause = cause.cause
    assert isinstance(cause, ApplicationError)
    return cause


async def test_a_permanent_failure_on_request_fails_the_run_at_once(
    client: Client, shop: Path, tmp_path: Path
) -> None:
    fail = {"activity": "fetch_columns", "kind": "non_retryable"}
    error = await failure(client, source=f"sqlite:///{shop}", output=str(tmp_path), fail=fail)

    assert (error.type, error.message) == ("PermanentFailure", "fetch_columns failed on request in attempt 1")


async def test_attempts_end(client: Client, shop: Path, tmp_path: Path) -> None:
    fail = {"activity": "check_source", "kind": "retryable", "times": 99}
    error = await failure(client, source=f"sqlite:///{shop}", output=str(tmp_path), fail=fail)

    assert error.message == "check_source failed on request in attempt 4"


@pytest.mark.parametrize(
    ("input", "type", "message"),
    [
        ({}, "InvalidRequest", "source must be a non-empty string"),
        ({"source": "sqlite:///x"}, "InvalidRequest", "output must be a non-empty string"),
        (
            {"source": "x", "output": "y", "batch": 0},
            "InvalidRequest",
            "batch must be a whole number from 1 to",
        ),
        (
            {"source": "x", "output": "y", "fail": {"activity": "z"}},
            "InvalidRequest",
            "fail.activity must be",
        ),
        (
            {"source": "sqlite:////none.db", "output": "y"},
            "SourceError",
            "there is no database file /none.db",
        ),
        ({"source": "oracle://x", "output": "y"}, "SourceError", "source must be a sqlite:/// or postgresql"),
    ],
)
async def test_input_that_cannot_be_worked_on_fails_the_run_with_a_sentence(
    input: dict[str, Any], type: str, message: str, client: Client
) -> None:
    error = await failure(client, **input)

    assert error.type == type
    assert error.message.startswith(message)


async def test_a_file_that_is_no_database_fails_the_run(client: Client, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is not a database, but it is long enough to look like one. " * 20)
    error = await failure(client, source=f"sqlite:///{tmp_path}/text.db", output=str(tmp_path / "out"))

    assert "is not a SQLite database" in error.message


async def test_a_killed_worker_is_replaced_and_the_output_is_the_same(
    client: Client, shop: Path, run: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    queue = f"killed-{tmp_path.name}"
    # The first batch waits for its third attempt, so that the run is certainly under way at the kill.
    fail = {"activity": "fetch_columns", "kind": "retryable", "times": 2}
    async with worker_process(client, queue) as process:
        handle = await start(
            client, queue, source=f"sqlite:///{shop}", output=str(tmp_path), batch=20, fail=fail
        )

        async def midway() -> bool:
            pending: list[PendingActivityInfo] = list(
                (await handle.describe()).raw_description.pending_activities
            )
            return any(a.activity_type.name == "fetch_columns" and a.attempt > 1 for a in pending)

        await until(midway)
        process.kill()
        await process.wait()
    async with worker_process(client, queue):
        result = await handle.result()

    assert result["counts"] == run[0]["counts"]
    assert contents(tmp_path) == contents(run[1])


async def test_a_worker_that_is_asked_to_stop_ends_well(client: Client) -> None:
    async with worker_process(client, "stopped") as process:
        process.terminate()
        await process.wait()

    assert process.returncode == 0


async def test_a_run_shows_its_progress(client: Client, shop: Path, tmp_path: Path) -> None:
    async with working(client) as queue:
        handle = await start(client, queue, source=f"sqlite:///{shop}", output=str(tmp_path), batch=100)
        await handle.result()
        memo = await (await handle.describe()).memo()

    assert memo["crossover_progress"] == "10/10 steps"
