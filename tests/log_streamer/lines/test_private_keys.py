"""A private key goes over many lines: all of them are masked, and not much more."""

from __future__ import annotations

import pytest

from tests.log_streamer.lines.making import container, lines_of, raw, records

BODY = ["MIIEpAIBAAKCAQEA7bq0XyVYl3m5Qw9Wc8j1s2d3f4g5h6j7k8l9" for _ in range(20)]
KEY = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "Proc-Type: 4,ENCRYPTED",
    "",
    *BODY,
    "Qw==",
    "-----END RSA PRIVATE KEY-----",
]


def texts(*lines: str) -> list[str]:
    return [one.text for one in records(container(), [raw(n, line) for n, line in enumerate(lines)])]


def test_a_private_key_over_many_lines_is_masked_up_to_its_end() -> None:
    got = texts("before", *KEY, "after")
    assert got[0] == "before"
    assert got[1:-1] == ["[redacted]"] * len(KEY)
    assert got[-1] == "after"


@pytest.mark.parametrize("prefix", ["  ", "key: ", "INFO app "])
def test_also_when_its_lines_are_indented_or_prefixed(prefix: str) -> None:
    got = texts(*(prefix + line for line in KEY), "after it all")
    assert not [text for text in got if "MIIEpAIBAAKCAQEA" in text]
    assert got[-1] == "after it all"


def test_also_when_it_is_cut_into_blocks_anywhere() -> None:
    for at in range(1, len(KEY)):
        lines = lines_of(container())
        made = lines.take([raw(0, line) for line in KEY[:at]])
        made += lines.take([raw(0, line) for line in [*KEY[at:], "after"]])
        assert "".join(one.text for one in made).count("MIIEpAIBAAKCAQEA") == 0
        assert made[-1].text == "after"


def test_a_sentence_about_a_key_hides_no_more_than_itself() -> None:
    got = texts('it must start with "-----BEGIN PRIVATE KEY-----"', "this is an ordinary line", "so is this")
    assert got == ['it must start with "[redacted]', "this is an ordinary line", "so is this"]


def test_a_key_whose_end_never_comes_hides_a_bounded_number_of_lines() -> None:
    got = texts("-----BEGIN PRIVATE KEY-----", *BODY[:1] * 300, "x", "y")
    assert 50 <= got.count("[redacted]") <= 250
    assert got[-1] == "y"
