"""PostgreSQL, from its system catalogs (https://www.postgresql.org/docs/current/catalogs.html)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, LiteralString, Self

import psycopg
from psycopg.rows import dict_row

from examples.metadata_extractor.sources import Record, Relation

_CONNECT_TIMEOUT = 10
_STATEMENT_TIMEOUT = "60s"

_NOT_SYSTEM = r"n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'"

_SCHEMAS = f"SELECT n.nspname AS schema FROM pg_namespace n WHERE {_NOT_SYSTEM}"  # noqa: S608 - constants

_TABLES = f"""
    SELECT n.nspname AS schema, c.relname AS table,
           CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END AS kind,
           obj_description(c.oid, 'pg_class') AS comment,
           CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND {_NOT_SYSTEM}
"""  # noqa: S608 - constants

_WANTED = """
    unnest(%s::text[], %s::text[]) AS wanted(schema, relation)
    JOIN pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.relation
"""

_COLUMNS = f"""
    SELECT n.nspname AS schema, c.relname AS table, a.attnum AS position, a.attname AS name,
           format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
           pg_get_expr(d.adbin, d.adrelid) AS default,
           coalesce(a.attnum = ANY (p.indkey), false) AS primary_key,
           col_description(c.oid, a.attnum) AS comment
    FROM {_WANTED}
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_index p ON p.indrelid = c.oid AND p.indisprimary
"""  # noqa: S608 - constants

_FOREIGN_KEYS = f"""
    SELECT n.nspname AS schema, c.relname AS table, k.conname AS name,
           ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS part(number, place)
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = part.number
                 ORDER BY part.place) AS columns,
           tn.nspname AS target_schema, t.relname AS target_table,
           ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS part(number, place)
                 JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = part.number
                 ORDER BY part.place) AS target_columns
    FROM {_WANTED}
    JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f'
    JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
"""  # noqa: S608 - constants

_INDEXES = f"""
    SELECT n.nspname AS schema, c.relname AS table, i.relname AS name, x.indisunique AS unique,
           ARRAY(SELECT pg_get_indexdef(x.indexrelid, place, true)
                 FROM generate_series(1, x.indnkeyatts) AS place) AS columns
    FROM {_WANTED}
    JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
"""  # noqa: S608 - constants


class PostgreSQLSource:
    """A read-only connection with time limits; what it cannot reach is worth another attempt."""

    kind = "postgresql"

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT,
            options=f"-c default_transaction_read_only=on -c statement_timeout={_STATEMENT_TIMEOUT}",
            row_factory=dict_row,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    def database(self) -> Record:
        version = self.connection.info.parameter_status("server_version")
        return {"name": self.connection.info.dbname, "product": "PostgreSQL", "version": version}

    def schemas(self) -> Iterator[Record]:
        return self._records(_SCHEMAS)

    def tables(self) -> Iterator[Record]:
        return self._records(_TABLES)

    def columns(self, relations: Iterable[Relation]) -> Iterator[Record]:
        return self._records(_COLUMNS, _arrays(relations))

    def foreign_keys(self, relations: Iterable[Relation]) -> Iterator[Record]:
        return self._records(_FOREIGN_KEYS, _arrays(relations))

    def indexes(self, relations: Iterable[Relation]) -> Iterator[Record]:
        return self._records(_INDEXES, _arrays(relations))

    def _records(self, query: LiteralString, values: Sequence[Any] = ()) -> Iterator[Record]:
        with self.connection.cursor() as cursor:
            yield from cursor.execute(query, values)


def _arrays(relations: Iterable[Relation]) -> list[list[str]]:
    pairs = list(relations)
    return [[schema for schema, _ in pairs], [relation for _, relation in pairs]]
