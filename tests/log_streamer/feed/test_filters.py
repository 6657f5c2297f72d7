"""What a viewer asked to see, and that this never changes where it is."""

from __future__ import annotations

import random

import pytest

from log_streamer.feed.filters import Filter
from log_streamer.lines.levels import Level
from log_streamer.lines.secrets import compiled_grep
from log_streamer.model import SourceName
from tests.log_streamer.feed.logs import coarse
from tests.log_streamer.feed.replicas import Replica, Seen, logs_of
from tests.log_streamer.lines.making import container, record

FILTERS = [
    Filter(),
    Filter(grep=compiled_grep("1$")),
    Filter(grep=compiled_grep("never")),
    Filter(level=Level.ERROR),
    Filter(sources=frozenset({SourceName.WORKER})),
    Filter(nodes=frozenset({"extract(0)"})),
    Filter(since=b"2026-11-21T02:11:40.000000000Z"),
    Filter(argoexec=True),
]


@pytest.mark.parametrize("wanted", FILTERS)
def test_a_filter_never_changes_where_the_viewer_is(wanted: Filter) -> None:
    rng = random.Random(21)
    for _ in range(60):
        logs = logs_of(rng, coarse)
        replica = Replica(rng, logs, memory=rng.choice((3, 10**6)))
        replica.finish()
        frame = rng.choice((1, 3, 1000))
        plain, filtered = Seen().place(frame=frame), Seen().place(wanted=wanted, frame=frame)
        for place in (plain, filtered):
            assert all(each.cursor for each in replica.watched(place))
        assert (filtered.cursor.positions, filtered.cursor.done) == (
            plain.cursor.positions,
            plain.cursor.done,
        )


LINES = [
    record("level=debug a", 1),
    record("level=error b", 2),
    record("c", 3),
    record("level=info d", 4, container("w", SourceName.WORKER)),
    record('time="x" level=info msg=e argo=true', 5),
]


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        (Filter(), "abcd"),
        (Filter(argoexec=True), "abcde"),
        (Filter(level=Level.INFO), "bcd"),
        (Filter(level=Level.ERROR), "bc"),
        (Filter(sources=frozenset({SourceName.WORKER})), "d"),
        (Filter(sources=frozenset({SourceName.ARGO, SourceName.WORKER})), "abcd"),
        (Filter(nodes=frozenset({"extract(0)"})), "abc"),
        (Filter(nodes=frozenset({"wf-1-123", "other"})), "abc"),
        (Filter(nodes=frozenset({"other"})), ""),
        (Filter(grep=compiled_grep("(?i)LEVEL")), "abd"),
        (Filter(since=LINES[2].stamp), "cd"),
        (Filter(since=LINES[1].stamp, level=Level.INFO, grep=compiled_grep("b|d")), "bd"),
    ],
)
def test_a_filter_lets_pass_what_was_asked_for(wanted: Filter, texts: str) -> None:
    letters = [each.text.removesuffix(" argo=true")[-1] for each in wanted.select(LINES)]
    assert "".join(letters) == texts


def test_a_pattern_is_searched_in_what_is_shown_not_in_colours_or_secrets() -> None:
    of = [record("\x1b[31mred\x1b[0m line"), record("token=abcdefghi")]
    assert Filter(grep=compiled_grep("^red line$")).select(of) == of[:1]
    assert Filter(grep=compiled_grep("abcdefghi")).select(of) == []
