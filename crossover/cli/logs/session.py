"""From the first request to the exit code: shows the feed, and comes back to it after every interruption."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from crossover.cli.logs.feed import Away, Feed, Message, Refused
from crossover.cli.logs.options import Options
from crossover.cli.logs.output import note, write_lines
from crossover.cli.logs.screen import Screen
from crossover.cli.step.outage import Outage, OutageTooLong
from crossover.contract.durations import format_duration
from crossover.contract.run import ExitCode, Phase
from crossover.errors import TABLE, NotFound

Json = dict[str, Any]

GOES_ON = {"timeout", "line_cap", "too_slow", "shutdown"}
"""Ends that are the server's own affair: a person wants to go on."""

UNKNOWN_TRACE = TABLE[NotFound].kind
ASK_AGAIN = 2.0
STEADY = 5.0
"""Seconds after which a connection counts as sound though nothing new came."""

FAILED = {Phase.FAILED, Phase.ERROR}


class Leave(NamedTuple):
    """The exit code, and the sentence that goes with it."""

    code: int
    word: str


class Session:
    """One `crossover logs`. `run` returns the exit code."""

    def __init__(self, options: Options, feed: Feed) -> None:
        self._options = options
        self._feed = feed
        self._screen = Screen(color=options.color, utc=options.utc, raw=options.raw)
        self._outage = Outage(options.outage_budget)
        self._began = time.monotonic()
        self._cursor = ""
        self._last_seq = 0
        self._lines = 0
        self._waiting_since: float | None = None
        self._leave: Leave | None = None

    def run(self) -> int:
        while self._leave is None:
            try:
                self._follow()
            except Refused as refused:
                self._refused(refused)
            except Away as away:
                self._away(away)
        note(self._leave.word)
        return self._leave.code

    def _follow(self) -> None:
        """One connection. Returns when it has said its end; raises Away when it just stops."""
        with self._feed.opened(self._query(), self._cursor) as messages:
            since, began_at = time.monotonic(), self._cursor
            for some in messages:
                for message in some:
                    self._cursor = message.cursor or self._cursor
                    if self._cursor != began_at:
                        self._recovered()
                    if self._show(message):
                        return self._go_on(self._cursor != began_at)
                if time.monotonic() - since > STEADY:
                    self._recovered()
        raise Away("it closed the connection")

    def _go_on(self, further: bool) -> None:
        """After an end. A feed that ends again and again without getting any further is away."""
        if self._leave is None and not further:
            raise Away("it ended the feed at once")

    def _query(self) -> list[tuple[str, str]]:
        options, passed = self._options, time.monotonic() - self._began
        return options.query(
            resumed=bool(self._cursor),
            lines_left=None if options.max_lines is None else options.max_lines - self._lines,
            seconds_left=None if options.timeout is None else options.timeout - passed,
        )

    def _show(self, message: Message) -> bool:
        """Whether this connection is through."""
        event, data, _ = message
        if event == "log":
            write_lines(self._log(self._new(data if isinstance(data, list) else [data])))
            if self._lines == self._options.max_lines:
                self._leave = Leave(ExitCode.SUCCEEDED, f"stopped after {self._lines} lines")
        elif isinstance(data, dict):
            self._tell(event, data)
            return event == "end"
        return self._leave is not None

    def _tell(self, event: str, data: Json) -> None:
        match event:
            case "state" if not self._options.json:
                write_lines(self._screen.state(data))
            case "gap" if not self._options.json:
                write_lines(self._screen.gap(data))
            case "gap":
                for line in self._screen.gap(data):
                    note(line)
            case "end":
                self._end(data)

    def _new(self, records: list[Any]) -> list[Json]:
        """Records that were not shown yet, as many as were asked for."""
        new = []
        for record in records:
            if not isinstance(record, dict) or self._lines == self._options.max_lines:
                continue
            seq = record.get("seq")
            if isinstance(seq, int):
                if seq <= self._last_seq:
                    continue
                self._last_seq = seq
            self._lines += 1
            new.append(record)
        return new

    def _log(self, records: list[Json]) -> Iterator[str]:
        if self._options.json:
            # In ASCII it is safe on a terminal too; DEL is the one control that JSON leaves as it is.
            return (json.dumps(record).replace("\x7f", "\\u007f") for record in records)
        return self._screen.records(records)

    def _end(self, data: Json) -> None:
        reason, phase = str(data.get("reason")), data.get("phase")
        self._cursor = str(data.get("cursor") or self._cursor)
        if reason in GOES_ON and not self._time_is_up():
            if reason == "too_slow":
                note("the feed had to drop what was not read in time; going on")
            return
        detail = f": {data['detail']}" if data.get("detail") else ""
        if reason == "unauthorised":
            self._leave = Leave(ExitCode.NOT_ALLOWED, f"not allowed any more{detail}")
        elif reason in GOES_ON:
            self._leave = self.timed_out()
        else:
            how = f"{self._options.trace_id} {phase}" if phase else f"end of the feed ({reason})"
            self._leave = Leave(ExitCode.FAILED if phase in FAILED else ExitCode.SUCCEEDED, how + detail)

    def timed_out(self) -> Leave:
        """The user's own --timeout has passed."""
        return Leave(ExitCode.TIMED_OUT, f"stopped after {format_duration(self._options.timeout or 0)}")

    def _time_is_up(self) -> bool:
        """With a second's grace: the server's clock began a little later than ours."""
        timeout = self._options.timeout
        return timeout is not None and time.monotonic() - self._began > timeout - 1

    def _refused(self, refused: Refused) -> None:
        if refused.problem.kind == UNKNOWN_TRACE and not self._lines:
            now = time.monotonic()
            if self._waiting_since is None:
                self._waiting_since = now
                if self._options.wait:
                    note(f"waiting up to {format_duration(self._options.wait)} for {self._options.trace_id}")
            left = self._waiting_since + self._options.wait - now
            if left > 0:
                time.sleep(min(left, refused.retry_after or ASK_AGAIN))
                return
        self._leave = Leave(refused.problem.exit_code, str(refused))

    def _away(self, away: Away) -> None:
        first = self._outage.began is None
        now = time.monotonic()
        try:
            pause = self._outage.failed(now, str(away), away.retry_after)
        except OutageTooLong as error:
            self._leave = Leave(ExitCode.UNAVAILABLE, f"gave up on {self._options.url}: {error}")
            return
        if first:
            note(f"{self._options.url}: {away}; trying again")
        elif self._outage.due(now):
            note(f"{self._options.url} is still away: {away}")
        time.sleep(pause)

    def _recovered(self) -> None:
        lasted = self._outage.ended(time.monotonic())
        if lasted is not None:
            note(f"connected again after {format_duration(lasted)}")
