"""Nothing that a program logged acts on a terminal or a page."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.lines.terminal import REPLACEMENT, colourless, harmless, is_plain, neutral

ESC = "\x1b"
HOSTILE = [
    f"{ESC}]0;title\x07",  # retitles the window
    f"{ESC}]2;title{ESC}\\",
    f"{ESC}]0;never ended",
    f"{ESC}]8;;http://evil\x07link{ESC}]8;;\x07",
    f"{ESC}]52;c;ZXZpbA==\x07",  # writes the clipboard
    f"{ESC}]4;1;rgb:00/00/00{ESC}\\",
    f"{ESC}]1337;File=name=a:AAAA\x07",
    f"{ESC}]777;notify;a;b\x07",
    f"{ESC}]9;growl\x07",
    f"{ESC}[2J",  # erases the screen
    f"{ESC}[3J",
    f"{ESC}[H",
    f"{ESC}[1;1H",
    f"{ESC}[1A",
    f"{ESC}[1A{ESC}[2Kforged",
    f"{ESC}[K",
    f"{ESC}[?25l",
    f"{ESC}[?1049h",
    f"{ESC}[?2004h",
    f"{ESC}[6n",  # asks the terminal, whose answer is typed into the shell
    f"{ESC}[c",
    f"{ESC}[>c",
    f"{ESC}[=1;2m",
    f"{ESC}[?1m",
    f"{ESC}[21t",
    f"{ESC}[5i",  # prints
    f"{ESC}[4h",
    f"{ESC}[100b",  # repeats
    f"{ESC}[!p",
    f"{ESC}[1 q",
    f"{ESC}[99999999999999999999999999999999A",
    f"{ESC}[",
    f"{ESC}[31",
    f"{ESC}[31\x00m",
    f"{ESC}c",  # full reset
    f"{ESC}7",
    f"{ESC}8",
    f"{ESC}M",
    f"{ESC}#8",
    f"{ESC}(0",
    f"{ESC}N",
    f"{ESC}=",
    f"{ESC}",
    f"{ESC}{ESC}",
    f"{ESC}{ESC}[2J",
    f"{ESC}P+q544e{ESC}\\",  # DCS
    f"{ESC}P$q\"p{ESC}\\",
    f"{ESC}_APC{ESC}\\",
    f"{ESC}^PM{ESC}\\",
    f"{ESC}XSOS{ESC}\\",
    f"{ESC}Pnever ended",
    "\x9b2J",  # C1 CSI
    "\x9d0;title\x9c",
    "\x90dcs\x9c",
    "\x85",  # NEL: a new line to some
    "\x84\x8d",
    "\r",
    "safe\rforged",
    "\x08" * 20 + "forged",
    "\x07",
    "\x0b\x0c",
    "\x0e\x0f",
    "\x00",
    "\x05",  # ENQ: some terminals answer
    "\x7f",
    "\x1a",
    "\u2028forged line",
    "\u2029",
    "\u202etxt.exe",
    "\u202d\u202c",
    "\u2066a\u2069",
    "\u200e\u200f",
    "\u061c",
    "\ufeff",
    f"{ESC}[31mred{ESC}]0;title\x07{ESC}[0m",
    f"{ESC}[3{ESC}[2J1m",
    f"{ESC}{ESC}]0;x\x07[31m",
    f"{ESC}\u202e[2J",
]  # fmt: skip
SGR = re.compile(r"\x1b\[[0-9;:]*m")


def active(text: str) -> list[str]:
    """Characters that act: control characters but tab, and what changes lines or direction."""
    return [
        char
        for char in text
        if (unicodedata.category(char) == "Cc" and char != "\t")
        or unicodedata.category(char) in ("Zl", "Zp")
        or unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        or char in "\u200e\u200f\u061c\ufeff"
    ]


hostile_texts = st.lists(
    st.one_of(st.sampled_from(HOSTILE), st.sampled_from(["a", "31m", "[", "]", ";", "\\", f"{ESC}[1;31m"]))
).map("".join)


@pytest.mark.parametrize("text", HOSTILE)
def test_of_a_hostile_sequence_nothing_active_is_left(text: str) -> None:
    assert active(harmless(text)) == []
    assert active(SGR.sub("", neutral(text))) == []
    assert active(colourless(neutral(text))) == []
    assert REPLACEMENT in harmless(text)


@given(hostile_texts)
def test_of_any_mixture_of_them_neither(text: str) -> None:
    assert active(harmless(text)) == []
    assert active(SGR.sub("", neutral(text))) == []


@given(st.text())
def test_of_any_text_neither(text: str) -> None:
    assert active(harmless(text)) == []
    assert active(SGR.sub("", neutral(text))) == []


@given(st.one_of(hostile_texts, st.text()))
def test_a_second_time_changes_nothing(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)
    once = neutral(text)
    assert neutral(once) == once


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Zl", "Zp", "Cs"])))
def test_text_that_does_nothing_stays_as_it_is(text: str) -> None:
    assert harmless(text) == neutral(text) == colourless(text) == text


def test_colours_stay_where_they_are_data_and_go_where_text_is_read() -> None:
    text = f"{ESC}[1;38:5:196mred{ESC}[0m\tand plain"
    assert neutral(text) == text
    assert colourless(text) == "red\tand plain"


def test_a_carriage_return_at_the_end_is_a_foreign_line_end_and_goes() -> None:
    assert neutral("done\r") == "done"
    assert neutral("10%\r20%\r") == f"10%{REPLACEMENT}20%"


def test_a_whole_sequence_leaves_one_mark() -> None:
    assert neutral(f"a{ESC}]0;title\x07b{ESC}[2Jc") == f"a{REPLACEMENT}b{REPLACEMENT}c"


@given(st.binary())
def test_a_plain_block_needs_no_second_look(block: bytes) -> None:
    if is_plain(block):
        text = block.decode()
        assert active(text.replace("\n", "")) == []
        assert all(neutral(line) == line for line in text.split("\n"))


@pytest.mark.parametrize(
    "block", [b"\x1b[31m", b"a\rb", b"\x7f", b"\xc2\x85", b"\xff", "é".encode(), b"\x00"]
)
def test_a_block_with_anything_else_is_not_plain(block: bytes) -> None:
    assert not is_plain(block)


@pytest.mark.parametrize(
    "piece", [f"{ESC}[", f"{ESC}]", f"{ESC}P", f"{ESC}[1;", "\x9b", f"{ESC}[;;;;", ESC, f"{ESC}[31m"]
)
def test_a_crafted_megabyte_is_done_in_linear_time(piece: str) -> None:
    for text in (piece * (1_000_000 // len(piece)), piece + "1" * 1_000_000, piece + " " * 1_000_000):
        began = time.process_time()
        for treat in (harmless, neutral, colourless):
            treat(text)
        assert time.process_time() - began < 20  # one that goes back takes hours
