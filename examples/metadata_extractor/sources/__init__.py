"""Databases that can be read, by URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, Self

Record = dict[str, Any]
Relation = tuple[str, str]
"""Schema and name of a table or view."""


class SourceError(Exception):
    """The source cannot be read as it is given; trying again is useless."""


class Source(Protocol):
    """One connection to a database. Records are plain JSON, in any order."""

    kind: str

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def database(self) -> Record: ...
    def schemas(self) -> Iterator[Record]: ...
    def tables(self) -> Iterator[Record]: ...
    def columns(self, relations: Iterable[Relation]) -> Iterator[Record]: ...
    def foreign_keys(self, relations: Iterable[Relation]) -> Iterator[Record]: ...
    def indexes(self, relations: Iterable[Relation]) -> Iterator[Record]: ...


def open_source(url: str) -> Source:
    """Connect to `url`. Raises SourceError when it names nothing that can be read."""
    scheme = url.split(":", 1)[0]
    if scheme == "sqlite":
        from examples.metadata_extractor.sources.sqlite import SQLiteSource

        return SQLiteSource(url)
    if scheme in ("postgresql", "postgres"):
        # psycopg is an optional dependency: only those who read PostgreSQL need it.
        from examples.metadata_extractor.sources.postgresql import PostgreSQLSource

        return PostgreSQLSource(url)
    raise SourceError("source must be a sqlite:/// or postgresql:// URL")
