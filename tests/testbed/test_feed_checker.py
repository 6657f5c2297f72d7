"""The checker names every way in which a feed can fail its viewer: else a green run would mean nothing."""

from __future__ import annotations

from typing import Any

import pytest

from testbed.feed_checker import Checker, Fault, Verdict
from testbed.numbered_lines import NumberedLines, read_line

Event = dict[str, Any]

WORKER = "worker-1/app"
STEP = "wf-1-extract-123/main"
LINES = {WORKER: NumberedLines(WORKER, "wf-1"), STEP: NumberedLines(STEP)}


def record(number: int, source: str = WORKER, *, second: int | None = None, **more: Any) -> Event:
    text = LINES[source].text(number).decode()
    ts = f"2026-11-21T02:11:{10 + (number if second is None else second):02d}.000000000Z"
    return {"event": "log", "ts": ts, "msg": text, **more}


def gap(source: str | None = None, **more: Any) -> Event:
    pod, container = source.split("/") if source else (None, None)
    return {"event": "gap", "source": None, "pod": pod, "container": container, "reason": "rotated", **more}


def verdict(*events: Event, expected: dict[str, range | None] | None = None, floor: int = 1) -> Verdict:
    checker = Checker("wf-1", {WORKER: range(4)} if expected is None else expected, floor=floor)
    checker.take_all(events)
    return checker.verdict()


def test_a_feed_with_every_line_once_and_in_order_is_green() -> None:
    feed = [record(number, seq=number + 1) for number in range(4)]
    end = {"event": "end", "reason": "complete"}
    found = verdict(*feed, {"event": "heartbeat"}, {"event": "state", "phase": "Running"}, end)
    assert found.green, found
    assert (found.lines, found.end) == (4, end)


def test_lines_of_argo_steps_have_no_trace_and_are_known_by_their_source() -> None:
    assert verdict(*(record(n, STEP) for n in range(4)), expected={STEP: range(4)}).green
    assert verdict(record(0, STEP), expected={WORKER: None}).faults == {Fault.FOREIGN: 1}


@pytest.mark.parametrize("missing", range(4))
def test_a_line_that_never_came_is_lost_wherever_it_is_missing(missing: int) -> None:
    found = verdict(*(record(number) for number in range(4) if number != missing))
    assert found.faults == {Fault.LOST: 1}
    assert f"n={missing}..{missing}" in str(found)


def test_a_source_of_which_nothing_came_is_lost_as_a_whole() -> None:
    found = verdict(record(0), expected={WORKER: range(1), STEP: range(30)})
    assert found.faults == {Fault.LOST: 30}


def test_a_line_that_came_twice_is_doubled() -> None:
    feed = [record(0), record(1), record(2), record(1, second=2), record(3)]
    assert verdict(*feed).faults == {Fault.DOUBLED: 1}


def test_a_line_after_a_later_one_of_its_source_is_out_of_order_and_not_lost() -> None:
    feed = [record(0), record(2), record(1, second=2), record(3)]
    assert verdict(*feed).faults == {Fault.OUT_OF_ORDER: 1}


def test_sources_may_be_interleaved_at_will() -> None:
    feed = [record(0), record(0, STEP), record(1), record(2), record(1, STEP, second=2), record(3)]
    assert verdict(*feed, expected={WORKER: range(4), STEP: range(2)}).green


def test_a_line_of_another_trace_is_foreign_even_if_its_id_begins_alike() -> None:
    other = NumberedLines(WORKER, "wf-10").text(1).decode()
    feed = [*map(record, range(4)), record(3) | {"msg": other}]
    assert verdict(*feed).faults == {Fault.FOREIGN: 1}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("n=2", "n=3"),
        lambda text: text.replace("quick", "quack"),
        lambda text: text.replace("wf-1", "wf-2"),
        lambda text: text + "glued",
        lambda _: "something else",
    ],
)
def test_a_line_that_was_changed_on_its_way_is_corrupt(spoil: Any) -> None:
    spoiled = record(2) | {"msg": spoil(record(2)["msg"])}
    found = verdict(record(0), record(1), spoiled, record(3))
    assert found.faults == {Fault.CORRUPT: 1, Fault.LOST: 1}


def test_a_record_older_than_one_before_it_must_say_that_it_is_late() -> None:
    late = record(0, STEP, second=0)
    expected: dict[str, range | None] = {WORKER: range(2), STEP: range(1)}
    assert verdict(record(0), record(1), late, expected=expected).faults == {Fault.LATE_WITHOUT_MARK: 1}
    assert verdict(record(0), record(1), late | {"late": True}, expected=expected).green


def test_lines_that_a_gap_of_their_source_tells_of_are_gapped_and_not_lost() -> None:
    for told in (gap(WORKER), gap(None), gap(WORKER, **{"from": record(1)["ts"], "to": record(2)["ts"]})):
        found = verdict(record(0), told, record(3))
        assert found.green, found
        assert found.gapped == 2


def test_a_gap_does_not_excuse_lines_elsewhere() -> None:
    earlier = gap(WORKER, **{"from": "2026-11-21T01:00:00Z", "to": "2026-11-21T01:00:01Z"})
    for told in (gap("worker-2/app"), earlier):
        assert verdict(record(0), told, record(3)).faults == {Fault.LOST: 2}
    assert verdict(record(0), gap(WORKER), record(1), record(3)).faults == {Fault.LOST: 1}


def test_lines_after_the_last_one_are_gapped_only_by_a_gap_at_the_end() -> None:
    assert verdict(record(0), record(1), gap(WORKER)).gapped == 2
    assert verdict(gap(WORKER), record(0), record(1)).faults == {Fault.LOST: 2}


def test_the_feeds_own_count_may_jump_only_where_a_gap_tells_why() -> None:
    jump = [record(number, seq=seq) for number, seq in enumerate((1, 2, 9, 10))]
    assert verdict(*jump).faults == {Fault.UNMARKED_GAP: 1}
    assert verdict(*jump[:2], gap(None), *jump[2:]).green


def test_the_feeds_own_count_never_runs_back() -> None:
    assert verdict(*(record(n, seq=seq) for n, seq in enumerate((1, 2, 2, 3)))).faults == {
        Fault.MISCOUNTED: 1
    }


def test_too_little_traffic_proves_nothing() -> None:
    found = verdict(*map(record, range(4)), floor=5)
    assert found.void
    assert not found.green
    assert str(found).startswith("void")


def test_where_the_numbers_are_not_known_lines_between_the_first_and_the_last_are_missed() -> None:
    assert verdict(record(1), record(2), expected={WORKER: None}).green
    assert verdict(record(1), record(3), expected={WORKER: None}).faults == {Fault.LOST: 1}


def test_a_line_says_who_wrote_it() -> None:
    line = read_line(NumberedLines("pod/main", "wf-1", length=300).text(7).decode())
    assert line is not None
    assert (line.source, line.number, line.trace, line.sound) == ("pod/main", 7, "wf-1", True)
    assert 280 <= len(NumberedLines("pod/main", "wf-1", length=300).text(7)) <= 300
