"""What `crossover logs` was asked, and the request that it becomes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from crossover.contract.run import valid_trace_id


@dataclass(frozen=True, slots=True)
class Options:
    """Durations in seconds; None where nothing was given. Filters go to the server as they are."""

    trace_id: str
    url: str
    token_file: Path | None = None
    ca_file: Path | None = None
    filters: tuple[tuple[str, str], ...] = ()
    start: tuple[tuple[str, str], ...] = ()
    follow: bool = True
    max_lines: int | None = None
    timeout: float | None = None
    wait: float = 30.0
    outage_budget: float = 600.0
    json: bool = False
    raw: bool = False
    utc: bool = False
    color: bool = False

    @property
    def address(self) -> str:
        return f"{self.url.rstrip('/')}/v1/logs/{self.trace_id}"

    def query(
        self, *, resumed: bool, lines_left: int | None, seconds_left: float | None
    ) -> list[tuple[str, str]]:
        """The parameters of the next request: where a feed starts is for its first request only."""
        query = [*self.filters, *(() if resumed else self.start)]
        if not self.follow:
            query.append(("follow", "false"))
        if lines_left is not None:
            query.append(("max_lines", str(lines_left)))
        if seconds_left is not None:
            query.append(("timeout", f"{max(1.0, seconds_left):.3f}"))
        return query


def check_trace_id(value: str) -> str:
    """Raises ValueError."""
    if not valid_trace_id(value):
        raise ValueError("write letters, digits, dots, underscores and hyphens, a letter or digit first")
    return value


def check_url(value: str) -> str:
    """Raises ValueError, without repeating what may hold a password."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write http://HOST[:PORT] or https://HOST[:PORT]")
    if parts.username is not None or parts.query or parts.fragment or not value.isprintable():
        raise ValueError("must hold no user, password, query or fragment")
    return value
