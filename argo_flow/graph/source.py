"""Where something was written, and what there is to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A line of a file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Severity(StrEnum):
    """`error`: Argo refuses it or reads something else. `warning`: probably not what was meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `code` is stable: tools and tests may rely on it, the message is for people."""

    code: str
    severity: Severity
    source: Source
    message: str

    def __str__(self) -> str:
        return f"{self.source}: {self.severity}[{self.code}]: {self.message}"


@dataclass(frozen=True, slots=True)
class Raw:
    """A known key of Argo that the graph carries as it was written, without modelling it."""

    value: Json
    source: Source


def errors(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """The findings that make the documents unusable."""
    return tuple(finding for finding in diagnostics if finding.severity is Severity.ERROR)
