"""From raw records to processed ones to catalogue entities: pure, record by record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]

_TYPE = re.compile(r"\s*([^(]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)\s*(.*))?")
_DECIMAL = ("DECIMAL", "NUMERIC", "NUMBER")


@dataclass
class Tally:
    """What is counted while columns, keys and indexes stream by; keys are (schema, table)."""

    columns: Counter[tuple[str, str]] = field(default_factory=Counter)
    foreign_keys: Counter[tuple[str, str]] = field(default_factory=Counter)
    indexes: Counter[tuple[str, str]] = field(default_factory=Counter)
    references: dict[tuple[str, str, str], str] = field(default_factory=dict)
    relations: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add_foreign_key(self, key: Record) -> None:
        """Note whom each of the key's columns references."""
        self.foreign_keys[_table(key)] += 1
        target = f"{key['target_schema']}.{key['target_table']}"
        for column in key["columns"]:
            self.references[(*_table(key), column)] = target


def processed_columns(columns: Iterable[Record], tally: Tally) -> Iterator[Record]:
    """Columns with a data type of one shape and the table that they reference."""
    for column in columns:
        tally.columns[_table(column)] += 1
        references = tally.references.get((*_table(column), column["name"]))
        rest = {key: value for key, value in column.items() if key != "type"}
        yield {**rest, **data_type(column["type"]), "references": references}


def processed_tables(tables: Iterable[Record], tally: Tally, kind: str) -> Iterator[Record]:
    """The tables (or views) among `tables`, with counts of what they have."""
    for table in tables:
        if table["kind"] == kind:
            tally.relations[(table["schema"], kind)] += 1
            counts = {"column_count": tally.columns[_table(table)]}
            counts |= {"foreign_key_count": tally.foreign_keys[_table(table)]}
            yield {**table, **counts, "index_count": tally.indexes[_table(table)]}


def processed_schemas(schemas: Iterable[Record], tally: Tally) -> Iterator[Record]:
    """Schemas with the numbers of their tables and views."""
    for schema in schemas:
        name = schema["schema"]
        tables, views = tally.relations[(name, "table")], tally.relations[(name, "view")]
        yield {**schema, "table_count": tables, "view_count": views}


def data_type(declared: str) -> Record:
    """A declared type's parts: `decimal(10, 2)` is DECIMAL of precision 10 and scale 2."""
    match = _TYPE.fullmatch(declared)
    if match is None:
        return {"data_type": declared.upper()}
    base, first, second, suffix = match.groups()
    parts: Record = {"data_type": " ".join(f"{base} {suffix or ''}".upper().split()) or "ANY"}
    if first is not None and base.upper() in _DECIMAL:
        return {**parts, "precision": int(first), "scale": int(second or 0)}
    return {**parts, "length": int(first)} if first is not None else parts


class Entities:
    """Catalogue entities of one database; qualified names tell where each belongs.

    A qualified name reads `default/<kind>/<connection>/<database>/<schema>/<table>/<column>`.
    """

    def __init__(self, kind: str, connection: str, database: str) -> None:
        self.database_name = database
        self.root = f"default/{kind}/{connection}/{database}"
        self.connector = kind

    def database(self, record: Record) -> Record:
        counts = {"schemaCount": record["schema_count"], "tableCount": record["table_count"]}
        return self._entity("Database", record["name"], (), counts | {"productVersion": record["version"]})

    def schema(self, record: Record) -> Record:
        counts = {"tableCount": record["table_count"], "viewsCount": record["view_count"]}
        return self._entity("Schema", record["schema"], (record["schema"],), counts)

    def table(self, record: Record) -> Record:
        view = record["kind"] == "view"
        more = {"columnCount": record["column_count"], "description": record["comment"]}
        more |= {"definition": record["definition"]} if view else {"indexCount": record["index_count"]}
        return self._entity("View" if view else "Table", record["table"], _table(record), more)

    def column(self, record: Record) -> Record:
        more = {
            "dataType": record["data_type"],
            "order": record["position"],
            "isNullable": record["nullable"],
            "isPrimary": record["primary_key"],
            "isForeign": record["references"] is not None,
            "references": record["references"],
            "defaultValue": record["default"],
            "description": record["comment"],
            "maxLength": record.get("length"),
            "precision": record.get("precision"),
            "numericScale": record.get("scale"),
            "tableQualifiedName": "/".join((self.root, *_table(record))),
        }
        return self._entity("Column", record["name"], (*_table(record), record["name"]), more)

    def _entity(self, type_name: str, name: str, path: tuple[str, ...], more: Record) -> Record:
        attributes = {"qualifiedName": "/".join((self.root, *path)), "name": name}
        attributes |= {"connectorName": self.connector, "databaseName": self.database_name}
        known = {key: value for key, value in more.items() if value is not None}
        return {"typeName": type_name, "attributes": attributes | known}


def _table(record: Record) -> tuple[str, str]:
    return record["schema"], record["table"]
