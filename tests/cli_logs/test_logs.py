"""`crossover logs` as its own process, against a feed that plays a script."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cli_logs.programs import FeedServer, LogsCommand, end, lines
from tests.step.programs import eventually

Json = dict[str, Any]

OK = end()


def messages(out: str) -> list[str]:
    return [line.partition(" │ ")[2] for line in out.splitlines() if not line.startswith("───")]


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (end(phase="Succeeded"), 0),
        (end(phase="Failed"), 1),
        (end(phase="Error"), 1),
        (end(phase=None), 0),
        (end("unauthorised", None), 77),
        (end("something new", "Failed"), 1),
    ],
)
def test_the_exit_code_tells_how_the_workflow_ended(feed: FeedServer, ending: Any, code: int) -> None:
    ended = LogsCommand(feed.play({"then": ending}, records=lines(4)).url).run()
    assert (ended.code, messages(ended.out)) == (code, lines(4)), ended


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [(400, 2, "No"), (422, 2, "parameter grep"), (401, 77, "No"), (403, 77, "No"), (404, 1, "No")],
)
def test_a_refusal_is_final_and_said(feed: FeedServer, status: int, code: int, says: str) -> None:
    answer = {"status": status, "field": "grep" if status == 422 else None}
    ended = LogsCommand(feed.play(answer).url).run("--wait", "0")
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err
    assert len(feed.requests()) == 1


def test_a_trace_that_does_not_exist_yet_is_waited_for(feed: FeedServer) -> None:
    not_yet = {"status": 404, "retry_after": 1}
    ended = LogsCommand(feed.play(not_yet, not_yet, {"then": OK}, records=lines(2)).url).run("--wait", "20s")
    assert (ended.code, messages(ended.out)) == (0, lines(2))
    assert "waiting up to 20s for wf-7" in ended.err
    times = [request["at"] for request in feed.requests()]
    assert all(later - earlier >= 1 for earlier, later in pairwise(times))


def test_a_trace_that_never_comes_is_given_up(feed: FeedServer) -> None:
    ended = LogsCommand(feed.play({"status": 404}).url).run("--wait", "1s")
    assert ended.code == 1
    assert ended.took >= 1


@pytest.mark.parametrize("broken", ["cut", "close", end("shutdown", None), end("too_slow", None)])
def test_after_every_interruption_each_line_is_shown_once(feed: FeedServer, broken: Any) -> None:
    answers: list[Json] = [{"lines": count, "then": broken} for count in (4, 0, 1, 7)]
    ended = LogsCommand(feed.play(*answers, {"then": OK}, records=lines(20)).url).run()
    assert (ended.code, messages(ended.out)) == (0, lines(20)), ended
    cursors = [request["headers"].get("last-event-id") for request in _lowered(feed)]
    assert cursors == [None, "c4", "c4", "c5", "c12"]


def test_lines_that_a_server_repeats_are_not_shown_again(feed: FeedServer) -> None:
    again = {"event": "log", "data": [{"seq": 1, "msg": "line 1"}, {"seq": 2, "msg": "line 2"}]}
    answers: list[Json] = [{"lines": 2, "then": "close"}, {"first": [again], "then": OK}]
    assert messages(LogsCommand(feed.play(*answers, records=lines(5)).url).run().out) == lines(5)


@pytest.mark.parametrize("reason", ["timeout", "line_cap"])
def test_the_servers_own_limits_do_not_end_it(feed: FeedServer, reason: str) -> None:
    answers: list[Json] = [{"lines": 5, "then": end(reason, None)}, {"then": OK}]
    ended = LogsCommand(feed.play(*answers, records=lines(9)).url).run()
    assert (ended.code, messages(ended.out)) == (0, lines(9))


def test_a_feed_that_ends_at_once_again_and_again_is_not_hammered(feed: FeedServer) -> None:
    ended = LogsCommand(feed.play({"then": end("shutdown", None)}).url).run("--outage-budget", "6s")
    assert ended.code == 75
    assert 2 < len(feed.requests()) < 40


@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_busy_service_is_asked_again_when_it_says(feed: FeedServer, status: int) -> None:
    answers: list[Json] = [{"status": status, "retry_after": 2}, {"then": OK}]
    ended = LogsCommand(feed.play(*answers, records=lines(1)).url).run()
    assert (ended.code, messages(ended.out)) == (0, lines(1))
    first, second = feed.requests()
    assert second["at"] - first["at"] >= 2
    assert "trying again" in ended.err


def test_a_service_that_dies_and_comes_back_loses_nothing(feed: FeedServer) -> None:
    process = LogsCommand(feed.play({"lines": 6, "then": "hold"}, records=lines(12)).url).start()
    process.wait_for("line 6")
    feed.kill()
    time.sleep(0.3)  # the outage itself
    feed.play({"then": OK}, records=lines(12))
    ended = process.end()
    assert (ended.code, messages(ended.out)) == (0, lines(12))
    assert "connected again after" in ended.err


def test_an_outage_longer_than_the_budget_is_unreachable() -> None:
    with socket.socket() as taken:  # bound, and not listening: nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ended = LogsCommand(url).run("--outage-budget", "1s")
    assert ended.code == 75
    assert "gave up" in ended.err
    assert ended.took >= 1


def test_filters_go_to_the_service_and_the_start_only_once(feed: FeedServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret-1\n")
    answers: list[Json] = [{"lines": 2, "then": "close"}, {"then": OK}]
    flags = "--since 10m --tail 5 --node a --node b --source argo --source worker --level warn --grep x.y"
    command = LogsCommand(feed.play(*answers, records=lines(3)).url)
    command.run(*flags.split(), "--no-follow", CROSSOVER_TOKEN_FILE=str(token))
    kept = {"node": ["a", "b"], "source": ["argo", "worker"], "level": ["warn"], "grep": ["x.y"]}
    kept |= {"follow": ["false"]}
    first, second = _lowered(feed)
    assert first["query"] == {**kept, "since": ["10m"], "tail": ["5"]}
    assert second["query"] == kept
    assert first["path"] == "/v1/logs/wf-7"
    assert first["headers"]["accept"] == "text/event-stream"
    assert first["headers"]["authorization"] == second["headers"]["authorization"] == "Bearer secret-1"


def test_a_users_line_limit_ends_it_across_reconnects(feed: FeedServer) -> None:
    answers: list[Json] = [{"lines": 4, "then": "close"}, {"then": "hold"}]
    ended = LogsCommand(feed.play(*answers, records=lines(20)).url).run("--max-lines", "7")
    assert (ended.code, messages(ended.out)) == (0, lines(7))
    assert [request["query"]["max_lines"] for request in feed.requests()] == [["7"], ["3"]]


def test_a_users_timeout_is_exit_code_124(feed: FeedServer) -> None:
    ended = LogsCommand(feed.play({"then": "hold"}, records=lines(2)).url).run("--timeout", "6s")
    assert (ended.code, messages(ended.out)) == (124, lines(2))
    assert ended.took >= 6
    assert "stopped after" in ended.err


def test_a_timeout_also_ends_an_outage() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ended = LogsCommand(f"http://127.0.0.1:{taken.getsockname()[1]}").run("--timeout", "1s")
    assert ended.code == 124


def test_ctrl_c_is_exit_code_130_and_no_traceback(feed: FeedServer) -> None:
    process = LogsCommand(feed.play({"then": "hold"}, records=lines(1)).url).start()
    process.wait_for("line 1")
    process.send(signal.SIGINT)
    ended = process.end()
    assert ended.code == 130
    assert "Traceback" not in ended.err


def test_a_reader_that_leaves_ends_it_quietly(feed: FeedServer) -> None:
    process = LogsCommand(feed.play({"then": OK}, records=lines(5000)).url).start()
    process.wait_for("line 1")
    process.close_output()
    ended = process.end()
    assert (ended.code, ended.err) == (0, "")


def test_json_is_the_records_and_nothing_else(feed: FeedServer) -> None:
    state = {"event": "state", "data": {"kind": "node", "name": "a", "phase": "Running", "ts": ""}}
    gap = {"event": "gap", "data": {"source": "argo", "lost": 3, "reason": "rotated"}}
    hostile = {"msg": "\x1b[31m\x9b\u202e\x7f", "level": "info"}
    command = LogsCommand(feed.play({"first": [state, gap], "then": OK}, records=["one", hostile]).url)
    ended = command.run("--json")
    first, second = (json.loads(line) for line in ended.out.splitlines())
    assert (first["msg"], first["seq"], second["msg"]) == ("one", 1, hostile["msg"])
    assert ended.out.replace("\n", "").isprintable()
    assert "3 lines may be missing" in ended.err


def test_states_and_gaps_stand_between_the_lines(feed: FeedServer) -> None:
    state = {"event": "state", "data": {"kind": "node", "name": "load", "phase": "Failed", "message": "why"}}
    gap = {"event": "gap", "data": {"source": "argo", "lost": 3, "reason": "rotated"}}
    ended = LogsCommand(feed.play({"first": [state, gap], "then": OK}, records=lines(1)).url).run()
    assert "✖ load Failed: why" in ended.out
    assert "3 lines may be missing" in ended.out


def test_times_are_local_unless_asked_otherwise(feed: FeedServer) -> None:
    command = LogsCommand(feed.play({"then": OK}, records=lines(1)).url)
    assert "07:41:01.000 extract │ line 1" in command.run().out
    assert "02:11:01.000 extract │ line 1" in command.run("--utc").out


@pytest.mark.parametrize(
    ("env", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colours_unless_it_declines(
    feed: FeedServer, env: dict[str, str], colored: bool
) -> None:
    url = feed.play({"then": OK}, records=lines(1)).url
    ours, theirs = pty.openpty()
    process = LogsCommand(url).start(out=theirs, **{"TERM": "xterm", **env})
    os.close(theirs)
    assert process.end().code == 0
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    assert ("\x1b[" in seen) is colored


def test_a_pipe_gets_no_colours_unless_asked(feed: FeedServer) -> None:
    command = LogsCommand(feed.play({"then": OK}, records=lines(1)).url)
    assert "\x1b[" not in command.run().out
    assert "\x1b[" in command.run("--color", "always").out


@pytest.mark.parametrize(
    "flags",
    [
        ("--url", "ftp://x"),
        ("--url", "http://u:p@x"),
        ("--timeout", "soon"),
        ("--wait", "-1"),
        ("--tail", "x"),
        ("--token-file", "missing"),
        ("--nonsense",),
    ],
)
def test_a_wrong_flag_is_exit_code_2(flags: tuple[str, ...]) -> None:
    ended = LogsCommand("http://127.0.0.1:9").run(*flags)
    assert (ended.code, ended.out) == (2, "")
    assert re.search(flags[0], ended.err)


def test_a_trace_id_that_would_change_the_path_is_refused() -> None:
    assert LogsCommand("http://127.0.0.1:9").run(trace="../wf").code == 2


def test_what_is_no_feed_is_not_believed(feed: FeedServer) -> None:
    strange = {"first": [{"event": "end", "data": "no object"}], "lines": 0, "then": "close"}
    ended = LogsCommand(feed.play(strange).url).run("--outage-budget", "1s")
    assert ended.code == 75


def test_a_quiet_feed_with_heartbeats_stays_open(feed: FeedServer) -> None:
    process = LogsCommand(feed.play({"then": "hold"}).url).start()
    eventually(lambda: len(feed.requests()) == 1)
    began = time.monotonic()
    while time.monotonic() - began < 1:
        assert len(feed.requests()) == 1
        time.sleep(0.1)
    process.send(signal.SIGINT)
    assert process.end().code == 130


def _lowered(feed: FeedServer) -> list[dict[str, Any]]:
    return [
        {**request, "headers": {name.lower(): value for name, value in request["headers"].items()}}
        for request in feed.requests()
    ]
