"""Lines of many traces in one worker's log are told apart, exactly."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.lines.demux import SEARCHED_ONE_BY_ONE, Demux, owner
from log_streamer.lines.splitter import Splitter
from tests.log_streamer.lines.making import raw
from tests.log_streamer.lines.reference_demux import EXCEPTIONS, Reference, reference_owner

FEW = (b"wf-1",)
MANY = (b"wf-1", *(b"other-%d" % number for number in range(SEARCHED_ONE_BY_ONE + 1)))
BOTH = pytest.mark.parametrize("wanted", [FEW, MANY], ids=["few wanted", "many wanted"])


def block_of(*texts: str | bytes) -> bytes:
    return b"".join(raw(number, text) + b"\n" for number, text in enumerate(texts))


def texts(lines: Sequence[bytes]) -> list[str]:
    return [line.partition(b" ")[2].decode() for line in lines]


def found(demux: Demux, wanted: Sequence[bytes], *lines: str) -> list[str]:
    """The texts of wf-1's lines in a block."""
    return texts(demux.take(block_of(*lines), wanted).get(b"wf-1", []))


NAMES_WF_1 = [
    "trace_id=wf-1",
    "level=info trace_id=wf-1 msg=hello",
    'level=info trace_id="wf-1" msg=hello',
    "hello (trace_id=wf-1)",
    "hello [trace_id=wf-1] there",
    "hello, trace_id=wf-1, there; trace_id=wf-1; {trace_id=wf-1}",
    "trace_id=wf-10 trace_id=wf-1",
    "trace_id=wf-1\r",
    "trace_id=wf-1 parent_trace_id=wf-2",
    "trace_id=trace_id=wf-1",
    '{"trace_id":"wf-1","msg":"hello"}',
    '{"trace_id": "wf-1", "msg": "trace_id=wf-2"}',
    '{"level": "info", "trace_id" : "wf-1"}',
    '{"trace_id":"wf-1","nested":{"trace_id":"wf-2"}}',
    '{"msg":"says \\"trace_id\\":\\"wf-2\\"","trace_id":"wf-1"}',
]
NAMES_ANOTHER = [
    "trace_id=wf-10",
    "trace_id=wf-1-a",
    "trace_id=wf-1.2",
    "trace_id=wf-1_2",
    "trace_id=awf-1",
    "parent_trace_id=wf-1",
    "x-trace_id=wf-1",
    "a.trace_id=wf-1",
    "\\trace_id=wf-1",
    "trace_id=wf-1 trace_id=wf-2",
    "trace_id=wf-1/2",
    "trace_id='wf-1'",
    "trace_id wf-1",
    "wf-1",
    '{"trace_id":"wf-10"}',
    '{"parent_trace_id":"wf-1"}',
    '{"msg":"trace_id=wf-1"}',
    '{"msg":"\\"trace_id\\":\\"wf-1\\""}',
    '{"trace_id":"wf-2","nested":{"trace_id":"wf-1"}}',
    '{"trace_id":["wf-1"]}',
]


@BOTH
@pytest.mark.parametrize("text", NAMES_WF_1)
def test_a_line_that_names_the_trace_is_its_own(text: str, wanted: Sequence[bytes]) -> None:
    assert found(Demux(), wanted, "before", text, "after") == [text]


@BOTH
@pytest.mark.parametrize("text", NAMES_ANOTHER)
def test_a_line_that_names_another_trace_or_none_is_not(text: str, wanted: Sequence[bytes]) -> None:
    assert found(Demux(), wanted, "before", text, "after") == []


def test_the_owner_is_the_last_word_in_text_and_the_first_field_in_json() -> None:
    assert owner(b"trace_id=a trace_id=b trace_id=c") == b"c"
    assert owner(b'{"trace_id":"a","x":{"trace_id":"b"}}') == b"a"
    assert owner(b"nothing") is None
    assert owner(b'{"msg":"trace_id=a"}') is None


PYTHON = (
    "level=error trace_id=wf-1 msg=failed",
    "Traceback (most recent call last):",
    '  File "a.py", line 1, in run',
    "    raise ValueError",
    "",
    "ValueError: no",
    "",
    "During handling of the above exception, another exception occurred:",
    "",
    "Traceback (most recent call last):",
    '  File "b.py", line 2',
    "app.errors.SourceError: gone",
)
JAVA = (
    "ERROR failed trace_id=wf-1",
    "java.lang.IllegalStateException: not a continuation by itself",
)
JAVA_WITH_FRAMES = (
    "ERROR failed trace_id=wf-1",
    "\tat app.Main.run(Main.java:1)",
    "\t... 12 more",
    "Suppressed: java.io.IOException: a",
    "\tat app.Main.close(Main.java:9)",
    "Caused by: java.lang.RuntimeException: b",
    "... 3 common frames omitted",
)


@BOTH
@pytest.mark.parametrize("traceback", [PYTHON, JAVA_WITH_FRAMES], ids=["Python", "Java"])
def test_a_traceback_goes_where_its_head_went(traceback: Sequence[str], wanted: Sequence[bytes]) -> None:
    foreign = [line.replace("wf-1", "wf-2") for line in traceback]
    demux = Demux()
    got = found(demux, wanted, *foreign, *traceback, "a plain line", *foreign, *traceback)
    assert got == [*traceback, *traceback]


@BOTH
@pytest.mark.parametrize("traceback", [PYTHON, JAVA_WITH_FRAMES], ids=["Python", "Java"])
def test_a_traceback_may_be_cut_into_blocks_anywhere(
    traceback: Sequence[str], wanted: Sequence[bytes]
) -> None:
    for at in range(1, len(traceback)):
        demux = Demux()
        first, second = found(demux, wanted, *traceback[:at]), found(demux, wanted, *traceback[at:])
        assert [*first, *second] == [*traceback]


def test_an_exception_line_continues_only_what_is_a_traceback() -> None:
    assert found(Demux(), FEW, *JAVA) == [JAVA[0]]


def test_a_line_that_continues_in_form_but_names_a_trace_is_that_traces() -> None:
    got = Demux().take(block_of("trace_id=wf-1", "  indented trace_id=wf-2", "  more"), (b"wf-1", b"wf-2"))
    assert {trace: texts(lines) for trace, lines in got.items()} == {
        b"wf-1": ["trace_id=wf-1"],
        b"wf-2": ["  indented trace_id=wf-2", "  more"],
    }


def test_a_continuation_of_a_trace_that_nobody_wants_any_more_is_nobodys() -> None:
    demux = Demux()
    assert demux.take(block_of("trace_id=wf-1"), (b"wf-1",))
    assert demux.take(block_of("  more"), (b"wf-2",)) == {}
    assert demux.take(block_of("  and more"), (b"wf-1",)) == {}


def test_of_tagged_lines_the_stream_is_not_text() -> None:
    block = block_of("stdout trace_id=wf-1", "stderr   indented", 'stdout {"trace_id":"wf-2"}', "stdout x")
    got = Demux(tagged=True).take(block, (b"wf-1", b"wf-2"))
    assert {trace: texts(lines) for trace, lines in got.items()} == {
        b"wf-1": ["stdout trace_id=wf-1", "stderr   indented"],
        b"wf-2": ['stdout {"trace_id":"wf-2"}'],
    }


TRACES = (b"wf-1", b"wf-10", b"wf-1.0", b"w", b"wf-2", b"wf-3", b"wf-4", b"0")
PIECES = (
    *(b"trace_id=" + trace for trace in TRACES),
    *(b'"trace_id":"%b"' % trace for trace in TRACES[:4]),
    *(b'"trace_id" : "%b"' % trace for trace in TRACES[:3]),
    *(b'\\"trace_id\\": \\"%b\\"' % trace for trace in TRACES[:2]),
    *(b'trace_id="%b"' % trace for trace in TRACES[:2]),
    *(b"parent_trace_id=wf-1", b"trace_id=", b'"trace_id":', b"trace_id", b"wf-1", b"wf-10", b"="),
    *(b" ", b"  ", b"\t", b",", b";", b'"', b"{", b"}", b"\\", b"-", b".", b"\r", b"\xff", b"level=info"),
)
HEADS = (
    *(b"", b"", b"{", b"{", b"{", b" ", b"\t", b"  at x", b"... ", b"Caused by: ", b"Suppressed: "),
    *(b"Traceback (most recent call last):", b"During handling of the above exception, another"),
    *(exception + b": " for exception in EXCEPTIONS),
)


def generated(rng: random.Random) -> bytes:
    return rng.choice(HEADS) + b"".join(rng.choices(PIECES, k=rng.choice((0, 0, 1, 1, 2, 3, 6))))


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.sampled_from(HEADS))
def test_the_owner_of_any_text_is_the_references(pieces: list[bytes], head: bytes) -> None:
    text = head + b"".join(pieces)
    assert owner(text) == reference_owner(text)


def chunks_of(rng: random.Random, data: bytes) -> list[bytes]:
    edges = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 1, 5, 40))))
    return [data[start:end] for start, end in zip([0, *edges], [*edges, len(data)], strict=True)]


def demultiplexed(chunks: Sequence[bytes], wanted: Sequence[bytes]) -> dict[bytes, list[bytes]]:
    splitter, demux = Splitter(), Demux()
    all_found: dict[bytes, list[bytes]] = {}
    for chunk in chunks:
        if block := splitter.feed(chunk):
            for trace, lines in demux.take(block, wanted).items():
                all_found.setdefault(trace, []).extend(lines)
    return all_found


def test_both_searches_agree_with_a_reference_on_a_million_lines_however_they_are_cut() -> None:
    """Lines come from a pool, their order and the chunks' edges from chance. Each trace has the same lines
    in the same order by either search as by the reference: nothing is lost, and none crosses."""
    rng = random.Random(20_261_121)
    pool = [(raw(number, text), text) for number in range(20_000) for text in (generated(rng),)]
    nobodies = [b"nobody-%d" % number for number in range(SEARCHED_ONE_BY_ONE)]
    judged = found_lines = 0
    while judged < 1_000_000:
        lines = rng.choices(pool, k=rng.choice((1, 2, 5, 20, 200, 2000)))
        data = b"".join(line + b"\n" for line, _ in lines)
        few = rng.sample(TRACES, k=rng.randint(1, SEARCHED_ONE_BY_ONE))
        expected = Reference().take(lines, few)
        assert demultiplexed(chunks_of(rng, data), few) == expected
        assert demultiplexed(chunks_of(rng, data), [*few, *nobodies]) == expected
        judged += 2 * len(lines)
        found_lines += sum(map(len, expected.values()))
    assert found_lines > judged / 50, "too few lines belonged to a trace for this to mean anything"
