"""The steps of an extraction. Each can be repeated: it writes whole files, the same ones every time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from crossover_sdk import report_progress
from examples.metadata_extractor.files import Output, count_lines, read_lines, write_lines
from examples.metadata_extractor.request import Request
from examples.metadata_extractor.sources import (
    Record,
    Relation,
    Source,
    SourceError,
    open_source,
)
from examples.metadata_extractor.stages import (
    Entities,
    Tally,
    processed_columns,
    processed_schemas,
    processed_tables,
)

T = TypeVar("T")

Counts = dict[str, int]

DETAILS = ("column", "foreign_key", "index")
"""What is read table by table, in batches."""

_BEAT = 0.5
"""Seconds between heartbeats: several within the workflow's heartbeat timeout."""


@dataclass(frozen=True)
class Part:
    """One batch: `count` relations of the table list from number `first` (from 0)."""

    request: Request
    number: int
    first: int
    count: int


@dataclass(frozen=True)
class Parts:
    """All batches of a run."""

    request: Request
    count: int


@activity.defn
def check_source(request: Request) -> str:
    """Connect and see that there is something to read. Gives the product and version."""
    _fail_if_asked(request)
    with _reading(request) as source:
        database = source.database()
        write_lines(Output(request.output).raw("database"), [{**database, "kind": source.kind}])
    return f"{database['product']} {database['version']}"


@activity.defn
def list_schemas(request: Request) -> int:
    """Write the list of schemas and give their number."""
    _fail_if_asked(request)
    with _reading(request) as source:
        schemas = sorted(source.schemas(), key=lambda record: str(record["schema"]))
    return write_lines(Output(request.output).raw("schema"), schemas)


@activity.defn
def list_tables(request: Request) -> int:
    """Write the list of tables and views and give their number."""
    _fail_if_asked(request)
    with _reading(request) as source:
        tables = sorted(source.tables(), key=_relation)
    activity.logger.info("found %d tables and views", len(tables))
    return write_lines(Output(request.output).raw("table"), tables)


@activity.defn
def fetch_columns(part: Part) -> int:
    """Write one batch's columns, foreign keys and indexes, and give the number of columns."""
    _fail_if_asked(part.request, part.number)
    output = Output(part.request.output)
    relations = [_relation(record) for record in read_lines(output.raw("table"), part.first, part.count)]
    with _reading(part.request) as source:
        columns = sorted(
            source.columns(relations), key=lambda record: (*_relation(record), record["position"])
        )
        keys = sorted(source.foreign_keys(relations), key=lambda record: (*_relation(record), record["name"]))
        indexes = sorted(source.indexes(relations), key=lambda record: (*_relation(record), record["name"]))
    seen = _beating(columns, len(columns), "columns")
    written = write_lines(output.part("column", part.number), seen)
    write_lines(output.part("foreign_key", part.number), keys)
    write_lines(output.part("index", part.number), indexes)
    activity.logger.info("read %d tables from number %d: %d columns", len(relations), part.first, written)
    return written


@activity.defn
def merge_parts(parts: Parts) -> Counts:
    """Join all batches in order. The batches stay, so that this can be repeated."""
    _fail_if_asked(parts.request)
    output = Output(parts.request.output)

    def joined(entity: str) -> Iterator[Record]:
        for number in _beating(range(parts.count), parts.count, "batches"):
            yield from read_lines(output.part(entity, number))

    return {entity: write_lines(output.raw(entity), joined(entity)) for entity in DETAILS}


@activity.defn
def process(request: Request) -> Counts:
    """Bring all records into one shape, with counts. Gives the number of records of each kind."""
    _fail_if_asked(request)
    output, tally = Output(request.output), Tally()
    for key in read_lines(output.raw("foreign_key")):
        tally.add_foreign_key(key)
    tally.indexes.update(_relation(index) for index in read_lines(output.raw("index")))

    def write(entity: str, records: Iterable[Record]) -> int:
        return write_lines(output.processed(entity), records)

    def raw(entity: str) -> Iterator[Record]:
        return _records(output.raw(entity), f"raw {entity} records")

    counts = {"columns": write("column", processed_columns(raw("column"), tally))}
    for kind in ("table", "view"):
        counts[f"{kind}s"] = write(kind, processed_tables(raw("table"), tally, kind))
    counts["schemas"] = write("schema", processed_schemas(raw("schema"), tally))
    totals = {"schema_count": counts["schemas"], "table_count": counts["tables"]}
    write("database", ({**database, **totals} for database in raw("database")))
    activity.logger.info("processed %d tables with %d columns", counts["tables"], counts["columns"])
    return counts


@activity.defn
def transform(request: Request) -> int:
    """Write catalogue entities, remove the batches, and give the number of entities."""
    _fail_if_asked(request)
    output = Output(request.output)
    database = next(read_lines(output.processed("database")))
    entities = Entities(database["kind"], request.connection, database["name"])
    makers: dict[str, Callable[[Record], Record]] = {
        "database": entities.database,
        "schema": entities.schema,
        "table": entities.table,
        "view": entities.table,
        "column": entities.column,
    }

    def write(entity: str, make: Callable[[Record], Record]) -> int:
        records = _records(output.processed(entity), f"{entity} entities")
        return write_lines(output.transformed(entity), map(make, records))

    written = sum(write(entity, make) for entity, make in makers.items())
    output.drop_parts()
    activity.logger.info("wrote %d entities to %s", written, output.root)
    return written


ALL: list[Callable[..., Any]] = [
    check_source, list_schemas, list_tables, fetch_columns, merge_parts, process, transform,
]  # fmt: skip


def _relation(record: Record) -> Relation:
    return record["schema"], record["table"]


@contextmanager
def _reading(request: Request) -> Iterator[Source]:
    """The request's source, open. What no further attempt can mend is not tried again."""
    try:
        with open_source(request.source) as source:
            yield source
    except SourceError as error:
        raise ApplicationError(str(error), type="SourceError", non_retryable=True) from None


def _records(path: Path, what: str) -> Iterator[Record]:
    return _beating(read_lines(path), count_lines(path), what)


def _beating(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """`items`, with a heartbeat now and then."""
    next_beat = time.monotonic() + _BEAT
    for done, item in enumerate(items):
        if time.monotonic() >= next_beat:
            report_progress(done, total, what)
            next_beat = time.monotonic() + _BEAT
        yield item


def _fail_if_asked(request: Request, part: int = 0) -> None:
    """Fail as the request wants it, so that retries and failures can be shown and tested."""
    info, fail = activity.info(), request.fail
    if fail is None or part != 0 or fail.activity != info.activity_type or info.attempt > fail.times:
        return
    kind = "TemporaryFailure" if fail.retryable else "PermanentFailure"
    raise ApplicationError(
        f"{info.activity_type} failed on request in attempt {info.attempt}",
        type=kind,
        non_retryable=not fail.retryable,
    )
