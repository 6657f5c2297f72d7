"""What a person sees: lines in a pod's log, a bar on a terminal, never another's control characters."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.cli.step.terminal import plain
from tests.step.programs import Json, StepCommand

EVIL = "a\x1b[31mb\x1b]0;title\x07c\rd\ne\u202ef\u2028g\x9b2J\ud800"


def on_a_terminal(step: StepCommand, *flags: str, plan: Json, **env: str) -> str:
    """Everything the step draws on a pseudo terminal."""
    ours, its = os.openpty()
    process = replace(step, env={"TERM": "xterm", **env}).start(*flags, plan=plan, out=its)
    os.close(its)
    drawn = b""
    try:
        while chunk := os.read(ours, 65536):
            drawn += chunk
    except OSError:  # Linux says EIO once the other side has closed
        pass
    os.close(ours)
    assert process.end().code == 0
    return drawn.decode()


def test_on_a_terminal_progress_is_a_bar_redrawn_in_place(step: StepCommand) -> None:
    drawn = on_a_terminal(step, plan={"seconds": 6, "progress": ["0/2 tables", "1/2 tables"]})
    assert "\r\x1b[2K" in drawn
    assert "[" + "#" * 12 + "." * 12 + "] 1/2 tables" in drawn
    assert "progress  1/2" not in drawn
    assert drawn.splitlines()[-1].endswith("The workflow completed."), "the bar is gone at the end"


def test_time_passes_on_a_terminal_also_when_nothing_happens(step: StepCommand) -> None:
    drawn = on_a_terminal(step, plan={"seconds": 6})
    assert len(set(re.findall(r" (\d+)s  Running", drawn))) >= 2


def test_a_terminal_gets_colour_unless_told_otherwise(step: StepCommand) -> None:
    plan: Json = {"result": 1}
    assert "\x1b[32m" in on_a_terminal(step, plan=plan)
    assert "\x1b[32m" not in on_a_terminal(step, plan=plan, NO_COLOR="1")
    assert "\x1b[32m" in on_a_terminal(step, plan=plan, NO_COLOR="")
    assert "\x1b[32m" not in on_a_terminal(step, "--color", "never", plan=plan)
    assert "\x1b[32m" in on_a_terminal(step, "--color", "always", plan=plan, NO_COLOR="1")


def test_a_dumb_terminal_gets_plain_lines(step: StepCommand) -> None:
    drawn = on_a_terminal(step, plan={"seconds": 3, "progress": ["1/1"]}, TERM="dumb")
    assert "\x1b" not in drawn
    assert "progress  1/1" in drawn


def test_a_log_gets_no_escape_sequence_at_all(step: StepCommand) -> None:
    out = step.run(plan={"seconds": 0.5, "progress": ["1/1"]}).out
    assert "\x1b" not in out
    assert "\r" not in out


def test_nobody_elses_text_can_draw_on_the_terminal_or_forge_a_line(step: StepCommand) -> None:
    patch = {
        "phase": EVIL,
        "message": EVIL,
        "progress": EVIL,
        "links": {"temporal": EVIL},
        "problems": [{"code": "x", "message": EVIL}],
        "pending_activities": [{"id": "1", "type": EVIL, "attempt": 2, "last_failure": EVIL}],
    }
    failure = {"type": EVIL, "message": EVIL, "cause": {"type": EVIL, "message": EVIL, "cause": None}}
    ended = step.run(
        plan={"seconds": 0.5, "timeline": [[0, patch]], "fail": {"message": EVIL, "failure": failure}}
    )
    assert ended.code == 1
    assert all(char.isprintable() or char == "\n" for char in ended.out)
    assert len([line for line in ended.out.splitlines() if line.lstrip().startswith("e")]) == 0


def test_each_problem_and_each_activity_failure_is_told_once(step: StepCommand) -> None:
    def at(second: float, age: int) -> list[object]:
        return [
            second,
            {
                "problems": [{"code": "no-poller", "message": f"No worker polls task queue q for {age} s."}],
                "pending_activities": [
                    {"id": "1", "type": "extract", "attempt": age, "last_failure": "OSError: no"}
                ],
            },
        ]

    out = step.run(plan={"seconds": 6, "timeline": [at(0.2, 2), at(0.5, 5), at(0.9, 9)]}).out
    assert out.count("No worker polls") == 1
    assert len(re.findall(r"extract is retried \(attempt [259]\): OSError: no", out)) == 1


def test_a_reader_that_goes_away_does_not_stop_the_step(step: StepCommand) -> None:
    process = step.start(plan={"seconds": 5, "result": {"a": 1}})
    process.wait_for("Running")
    process.close_output()
    assert process.end().code == 0
    assert step.output("a") == "1"


def test_a_closed_standard_output_does_not_stop_the_step(step: StepCommand) -> None:
    shell = ("/bin/sh", "-c", '"$@" >&-', "sh", *step.command)
    assert replace(step, command=shell).run(plan={"result": {"a": 1}}).code == 0
    assert step.output("a") == "1"


@pytest.mark.parametrize("lang", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_text_beyond_ascii_is_printed_whatever_the_locale(step: StepCommand, lang: str) -> None:
    ended = step.run(plan={"seconds": 3, "timeline": [[0, {"message": "žluťoučký 🐎"}]]}, LC_ALL=lang)
    assert ended.code == 0
    assert "žluťoučký 🐎" in ended.out


@given(st.text(st.characters(exclude_categories=())))
def test_plain_text_is_one_printable_line_of_bounded_length(text: str) -> None:
    line = plain(text, 40)
    assert line.isprintable()
    assert len(line) <= 40
    assert plain(line, 40) == line
