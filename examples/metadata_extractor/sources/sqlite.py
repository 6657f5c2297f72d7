"""SQLite, by the standard library.

SQLite has no schemas. Here `sales__orders` is the table `orders` of the schema `sales`, and a name
without a double underscore belongs to `main`, SQLite's own word. The alternative, one attached file per
schema, allows ten by default (SQLITE_MAX_ATTACHED, https://www.sqlite.org/limits.html), and no foreign
key or view could cross schemas.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self
from urllib.parse import quote

from examples.metadata_extractor.sources import Record, Relation, SourceError

_SEPARATOR = "__"
_MAIN = "main"

# SQLite keeps the text of CREATE TABLE, so a comment behind a column is all there is to document it.
_TABLE_COMMENT = re.compile(r"\A[^(]*\(\s*--\s*(.+)")
_COLUMN_COMMENT = re.compile(r'^[ \t]*"?(\w+)"?[ \t].*?--[ \t]*(.+)$', re.MULTILINE)

_COLUMNS = """
    SELECT wanted.value AS relation, c.cid + 1 AS position, c.name, c.type,
           c."notnull" OR c.pk AS required, c.dflt_value, c.pk
    FROM json_each(?) AS wanted JOIN pragma_table_xinfo(wanted.value) AS c
"""
_FOREIGN_KEYS = """
    SELECT wanted.value AS relation, k.id, k.seq, k."table" AS target, k."from", k."to"
    FROM json_each(?) AS wanted JOIN pragma_foreign_key_list(wanted.value) AS k
    ORDER BY relation, k.id, k.seq
"""
_INDEXES = """
    SELECT wanted.value AS relation, i.name, i."unique", c.name AS "column"
    FROM json_each(?) AS wanted JOIN pragma_index_list(wanted.value) AS i
    JOIN pragma_index_info(i.name) AS c
    ORDER BY relation, i.name, c.seqno
"""


class SQLiteSource:
    """A database file, opened read-only."""

    kind = "sqlite"

    def __init__(self, url: str) -> None:
        if not url.startswith("sqlite:///") or not (path := url.removeprefix("sqlite:///")):
            raise SourceError("a SQLite source is written sqlite:///path/to/file.db")
        # sqlite:////absolute/path and sqlite:///relative/path, as SQLAlchemy writes them.
        self.path = Path(path)
        if not self.path.is_file():
            raise SourceError(f"there is no database file {self.path}")
        self.connection = sqlite3.connect(f"file:{quote(str(self.path))}?mode=ro", uri=True)
        self.connection.row_factory = sqlite3.Row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    def database(self) -> Record:
        try:
            self.connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                raise
            raise SourceError(f"{self.path} is not a SQLite database") from error
        return {"name": self.path.stem, "product": "SQLite", "version": sqlite3.sqlite_version}

    def schemas(self) -> Iterator[Record]:
        names = (row["name"] for row in self._relations())
        yield from ({"schema": schema} for schema in {_MAIN, *(_split(name)[0] for name in names)})

    def tables(self) -> Iterator[Record]:
        for row in self._relations():
            schema, table = _split(row["name"])
            comment = _TABLE_COMMENT.match(row["sql"])
            yield {
                "schema": schema,
                "table": table,
                "kind": row["type"],
                "comment": comment.group(1).strip() if comment else None,
                "definition": row["sql"] if row["type"] == "view" else None,
            }

    def columns(self, relations: Iterable[Relation]) -> Iterator[Record]:
        wanted = _joined(relations)
        comments = self._column_comments(wanted)
        for row in self.connection.execute(_COLUMNS, (wanted,)):
            schema, table = _split(row["relation"])
            yield {
                "schema": schema,
                "table": table,
                "position": row["position"],
                "name": row["name"],
                "type": row["type"],
                "nullable": not row["required"],
                "default": row["dflt_value"],
                "primary_key": bool(row["pk"]),
                "comment": comments.get((row["relation"], row["name"])),
            }

    def foreign_keys(self, relations: Iterable[Relation]) -> Iterator[Record]:
        keys: dict[tuple[str, int], Record] = {}
        for row in self.connection.execute(_FOREIGN_KEYS, (_joined(relations),)):
            schema, table = _split(row["relation"])
            target_schema, target = _split(row["target"])
            new = {"schema": schema, "table": table, "name": f"{table}_fk{row['id']}", "columns": []}
            new |= {"target_schema": target_schema, "target_table": target, "target_columns": []}
            key = keys.setdefault((row["relation"], row["id"]), new)
            key["columns"].append(row["from"])
            key["target_columns"].append(row["to"])
        yield from keys.values()

    def indexes(self, relations: Iterable[Relation]) -> Iterator[Record]:
        indexes: dict[str, Record] = {}
        for row in self.connection.execute(_INDEXES, (_joined(relations),)):
            schema, table = _split(row["relation"])
            new = {"schema": schema, "table": table, "name": row["name"], "unique": bool(row["unique"])}
            indexes.setdefault(row["name"], {**new, "columns": []})["columns"].append(row["column"])
        yield from indexes.values()

    def _relations(self) -> Iterator[sqlite3.Row]:
        yield from self.connection.execute(
            "SELECT name, type, sql FROM sqlite_schema"
            " WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        )

    def _column_comments(self, wanted: str) -> dict[tuple[str, str], str]:
        texts = self.connection.execute(
            "SELECT name, sql FROM sqlite_schema"
            " WHERE type = 'table' AND name IN (SELECT value FROM json_each(?))",
            (wanted,),
        )
        return {
            (row["name"], column): comment.strip()
            for row in texts
            for column, comment in _COLUMN_COMMENT.findall(row["sql"])
        }


def _split(name: str) -> Relation:
    schema, separator, table = name.partition(_SEPARATOR)
    return (schema, table) if separator and schema and table else (_MAIN, name)


def _joined(relations: Iterable[Relation]) -> str:
    """The relations' names in the file, as the JSON array that the queries take."""
    return json.dumps([name if schema == _MAIN else schema + _SEPARATOR + name for schema, name in relations])
