"""Builds a SQLite database that looks like a company's, for demos and tests.

    python -m examples.metadata_extractor.build_database PATH --tables 3000 [--schemas 12] [--seed 7]

The same numbers give the same tables.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from itertools import count, islice, product
from pathlib import Path

SCHEMAS = (
    "sales", "finance", "marketing", "support", "logistics", "people", "product", "billing", "risk", "web",
    "partners", "platform",
)  # fmt: skip
SUBJECTS = (
    "customers", "orders", "invoices", "payments", "shipments", "tickets", "campaigns", "employees",
    "contracts", "sessions", "suppliers", "products", "accounts", "returns", "budgets", "assets",
    "leads", "subscriptions", "warehouses", "reviews",
)  # fmt: skip
FORMS = ("", "history", "items", "daily", "archive", "staging", "snapshot", "summary", "audit", "map")
COLUMNS = (
    ("email", "VARCHAR(120)", "Address that notices go to"),
    ("status", "VARCHAR(20) NOT NULL DEFAULT 'new'", "State in the approval process"),
    ("amount", "DECIMAL(12, 2)", "Gross amount in the currency of the row"),
    ("currency", "CHAR(3) NOT NULL DEFAULT 'EUR'", "ISO 4217 code"),
    ("quantity", "INTEGER NOT NULL DEFAULT 0", "Units, negative for corrections"),
    ("country", "CHAR(2)", "ISO 3166 code"),
    ("city", "VARCHAR(80)", None),
    ("postal_code", "VARCHAR(12)", None),
    ("phone", "VARCHAR(32)", "As the person wrote it"),
    ("first_name", "VARCHAR(60)", "Personal data: mask in exports"),
    ("last_name", "VARCHAR(60)", "Personal data: mask in exports"),
    ("birth_date", "DATE", "Personal data: mask in exports"),
    ("is_active", "BOOLEAN NOT NULL DEFAULT 1", None),
    ("valid_from", "DATE", "First day on which the row counts"),
    ("valid_to", "DATE", "Last day on which the row counts; empty while it does"),
    ("updated_at", "TIMESTAMP", "Set by the loading job"),
    ("updated_by", "VARCHAR(40)", None),
    ("source_system", "VARCHAR(30)", "Where the row came from"),
    ("external_id", "VARCHAR(64)", "Key in the source system"),
    ("payload", "JSON", "Whole message of the source system"),
    ("score", "REAL", "Between 0 and 1"),
    ("weight_kg", "DECIMAL(8, 3)", None),
    ("discount", "DECIMAL(5, 4)", "Share, not percent"),
    ("document", "BLOB", "Scanned original"),
    ("note", "TEXT", "Free text, any language: Straße, 東京"),
)


def build(path: Path, *, tables: int, schemas: int = len(SCHEMAS), seed: int = 7) -> None:
    """Write a database with `tables` tables, and a view for every twentieth of them, in place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("BEGIN")
        for statement in statements(tables, schemas, seed):
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()


def statements(tables: int, schemas: int, seed: int) -> Iterator[str]:
    """The database as SQL, the same for the same numbers."""
    random_ = random.Random(seed)
    made: list[str] = []
    for number, name in enumerate(islice(table_names(schemas), tables)):
        columns = random_.sample(COLUMNS, random_.randint(5, 18))
        target = random_.choice(made) if made and random_.random() < 0.6 else None
        yield table(name, columns, target)
        for column, _, _ in random_.sample(columns, random_.randint(0, 2)):
            yield f'CREATE INDEX "{name}_{column}_idx" ON "{name}" ("{column}")'
        if number % 20 == 19:
            yield f'CREATE VIEW "{name}_current" AS SELECT * FROM "{name}" WHERE id > 0'  # noqa: S608 - our name
        made.append(name)


def table_names(schemas: int) -> Iterator[str]:
    """`sales__customers`, `finance__customers`, ... without end; see sources/sqlite.py for the prefix."""
    known = [*SCHEMAS, *(f"area_{number}" for number in range(len(SCHEMAS) + 1, schemas + 1))][:schemas]
    for round_ in count(1):
        for form, subject, schema in product(FORMS, SUBJECTS, known):
            yield f"{schema}__{subject}{'_' if form else ''}{form}{'' if round_ == 1 else f'_{round_}'}"


def table(name: str, columns: list[tuple[str, str, str | None]], target: str | None) -> str:
    """A CREATE TABLE whose comments document it, since SQLite has no other place for them."""
    lines = [('"id" INTEGER PRIMARY KEY', "Surrogate key"), ('"created_at" TIMESTAMP NOT NULL', None)]
    lines += [(f'"{column}" {type_}', comment) for column, type_, comment in columns]
    if target is not None:
        lines.append((f'"parent_id" INTEGER REFERENCES "{target}" ("id")', None))
    last = len(lines) - 1
    body = "\n".join(
        f"  {definition}{'' if number == last else ','}{f' -- {comment}' if comment else ''}"
        for number, (definition, comment) in enumerate(lines)
    )
    subject = name.partition("__")[2].replace("_", " ")
    return f'CREATE TABLE "{name}" ( -- All {subject} of the {name.partition("__")[0]} department\n{body}\n)'


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Build a SQLite database with many tables.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--tables", type=int, default=3000)
    parser.add_argument("--schemas", type=int, default=len(SCHEMAS))
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if options.tables < 1 or options.schemas < 1:
        parser.error("--tables and --schemas must be 1 or more")
    began = time.monotonic()
    build(options.path, tables=options.tables, schemas=options.schemas, seed=options.seed)
    print(f"{options.path}: {options.tables} tables in {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
