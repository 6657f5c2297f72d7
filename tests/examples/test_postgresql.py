"""The metadata extractor reading a real PostgreSQL, where one is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from testbed.ports import free_port
from tests.examples.conftest import start, working

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))

DATABASE = """
    CREATE SCHEMA sales;
    CREATE TABLE sales.customers (id bigint PRIMARY KEY, email varchar(120) NOT NULL);
    CREATE TABLE sales.orders (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        dropped text,
        customer_id bigint REFERENCES sales.customers (id),
        total numeric(12, 2) DEFAULT 0,
        tags text[]
    );
    ALTER TABLE sales.orders DROP COLUMN dropped;
    CREATE INDEX orders_customer ON sales.orders (customer_id, lower(tags[1]));
    COMMENT ON TABLE sales.orders IS 'All orders';
    COMMENT ON COLUMN sales.orders.total IS 'Gross';
    CREATE VIEW public.totals AS SELECT customer_id, sum(total) AS total FROM sales.orders GROUP BY 1;
"""


@contextmanager
def cluster(directory: Path) -> Iterator[str]:
    """A temporary cluster on the loopback interface; gives its URL. PostgreSQL refuses to run as root."""
    programs, data, port = SERVERS[-1].parent, directory / "data", free_port()
    owner: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    if owner:
        shutil.chown(directory, "postgres", "postgres")
    initdb: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "extractor",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=directory, timeout=50, **owner)
    options = [
        f"port={port}",
        "listen_addresses=127.0.0.1",
        f"unix_socket_directories={directory}",
        "fsync=off",
    ]
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, *(part for option in options for part in ("-c", option))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=directory,
        **owner,
    )
    try:
        yield f"postgresql://extractor@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(20)


def connected(url: str, seconds: float = 30) -> Any:
    """A connection, as soon as the server accepts one."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return psycopg.connect(url, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    if not SERVERS:
        pytest.skip("no PostgreSQL server under /usr/lib/postgresql")
    # Not below pytest's own directory, which other users may not enter.
    with tempfile.TemporaryDirectory() as directory, cluster(Path(directory)) as url:
        with connected(url) as connection:
            connection.execute(DATABASE)
        yield url


def records(output: Path, stage: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / stage).read_text().splitlines()]


async def test_schemas_tables_views_columns_keys_and_indexes_are_read(
    client: Client, source: str, tmp_path: Path
) -> None:
    async with working(client) as queue:
        result = await (await start(client, queue, source=source, output=str(tmp_path), batch=1)).result()

    assert result["counts"] == {"schemas": 2, "tables": 2, "views": 1, "columns": 8}
    columns = {
        column["attributes"]["qualifiedName"].removeprefix("default/postgresql/sample/postgres/"): column
        for column in records(tmp_path, "transformed/column/entities.jsonl")
    }
    assert set(columns) == {
        "public/totals/customer_id",
        "public/totals/total",
        "sales/customers/id",
        "sales/customers/email",
        "sales/orders/id",
        "sales/orders/customer_id",
        "sales/orders/total",
        "sales/orders/tags",
    }
    total = columns["sales/orders/total"]["attributes"]
    assert (total["dataType"], total["precision"], total["numericScale"]) == ("NUMERIC", 12, 2)
    assert (total["description"], total["defaultValue"], total["isNullable"]) == ("Gross", "0", True)
    assert columns["sales/orders/customer_id"]["attributes"]["references"] == "sales.customers"
    assert columns["sales/orders/id"]["attributes"]["isPrimary"] is True
    assert columns["sales/orders/tags"]["attributes"]["dataType"] == "TEXT[]"


async def test_the_raw_records_hold_keys_indexes_and_views_as_declared(
    client: Client, source: str, tmp_path: Path
) -> None:
    async with working(client) as queue:
        await (await start(client, queue, source=source, output=str(tmp_path))).result()

    assert records(tmp_path, "raw/foreign_key/records.jsonl") == [
        {
            "schema": "sales",
            "table": "orders",
            "name": "orders_customer_id_fkey",
            "columns": ["customer_id"],
            "target_schema": "sales",
            "target_table": "customers",
            "target_columns": ["id"],
        }
    ]
    indexes = {index["name"]: index for index in records(tmp_path, "raw/index/records.jsonl")}
    assert indexes["orders_customer"]["columns"] == ["customer_id", "lower(tags[1])"]
    assert indexes["orders_pkey"]["unique"] is True
    tables = {table["table"]: table for table in records(tmp_path, "processed/table/records.jsonl")}
    assert (tables["orders"]["comment"], tables["orders"]["index_count"]) == ("All orders", 2)
    assert tables["orders"]["foreign_key_count"] == 1
    (view,) = records(tmp_path, "transformed/view/entities.jsonl")
    assert "sum(orders.total)" in view["attributes"]["definition"]
