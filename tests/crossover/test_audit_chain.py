"""The audit's chains: whatever is done to entries shows; and what must never be kept is not."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.audit import Entry, Event
from crossover.audit_chain import (
    OMITTED,
    REDACTED,
    START,
    TEXT_LIMIT,
    VALUE_LIMIT,
    Chains,
    Link,
    check,
    from_line,
    hash_of,
    redacted,
    redacted_text,
    safe,
    seal,
    to_line,
)

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
EVENT = Event("ada", "acme", "flags.kill", "enable_crossover", why="errors", before=1, after={"on": True})


def chain(length: int, writer: str = "w", after: Link = START) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(after.number + 1, after.number + length + 1):
        previous = entries[-1].hash if entries else after.hash
        entries.append(seal(replace(EVENT, request_id=f"r{number}"), writer, number, previous, AT))
    return entries


def end(entries: list[Entry]) -> dict[str, Link]:
    return {entries[-1].writer: Link(entries[-1].number, entries[-1].hash)}


def forged(entry: Entry, **changes: Any) -> Entry:
    """Changed, with a hash that fits."""
    changed = replace(entry, event=replace(entry.event, **changes))
    return replace(changed, hash=hash_of(changed))


def test_untouched_chains_of_several_writers_in_any_mixture_are_right() -> None:
    one, other = chain(5), chain(4, "v")
    mixed = [one[0], other[0], other[1], one[1], one[2], other[2], one[3], other[3], one[4]]
    assert check(mixed, heads=end(one) | end(other)) == []


def test_nothing_at_all_is_right() -> None:
    assert check([]) == []


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_changed_entry_is_named(number: int) -> None:
    entries = chain(5)
    entries[number - 1] = replace(entries[number - 1], event=replace(EVENT, who="eve"))
    assert check(entries) == [f"Entry {number} of writer w was changed: its hash is not that of its content."]


def test_a_change_of_any_part_of_an_entry_is_seen() -> None:
    (entry,) = chain(1)
    texts = dict.fromkeys(("who", "tenant", "action", "subject", "why", "request_id", "outcome"), "x")
    for change in [{key: text} for key, text in texts.items()] + [{"before": 2}, {"after": {"on": False}}]:
        assert len(check([replace(entry, event=replace(entry.event, **change))])) == 1  # type: ignore[arg-type]
    assert len(check([replace(entry, at=AT.replace(year=2025))])) == 1
    assert len(check([replace(entry, writer="v")])) == 1


def test_an_entry_that_was_replaced_with_a_hash_that_fits_breaks_the_next() -> None:
    entries = chain(5)
    entries[2] = forged(entries[2], who="eve")
    (sentence,) = check(entries)
    assert sentence.startswith("Entry 4 of writer w does not follow the entry before it")


def test_the_last_entry_replaced_with_a_hash_that_fits_is_seen_where_the_head_is_known() -> None:
    entries = chain(5)
    heads = end(entries)
    entries[4] = forged(entries[4], who="eve")
    assert check(entries) == []  # what a chain alone cannot tell
    assert check(entries, heads=heads) == ["Entry 5 of writer w is not the one that was written."]


def test_dropped_entries_are_counted() -> None:
    entries = chain(9)
    assert check(entries[:2] + entries[3:]) == ["Entry 3 of writer w is missing."]
    assert check(entries[:2] + entries[5:]) == ["Entries 3 to 5 of writer w are missing."]
    assert check(entries[2:]) == ["Entries 1 to 2 of writer w are missing."]


def test_a_tail_that_was_cut_off_is_seen_where_the_head_is_known() -> None:
    entries = chain(9)
    assert check(entries[:6]) == []  # what a chain alone cannot tell
    assert check(entries[:6], heads=end(entries)) == ["Entries 7 to 9 of writer w are missing."]
    assert check([], heads=end(entries)) == ["Entries 1 to 9 of writer w are missing."]


def test_a_tail_that_was_cut_off_together_with_its_head_is_seen_by_whoever_saw_it_written() -> None:
    entries = chain(9)
    chains = Chains(heads=end(entries[:6]), witnesses=end(entries))
    for entry in entries[:6]:
        chains.add(entry)
    assert chains.problems() == ["Entries 7 to 9 of writer w are missing."]


def test_a_chain_that_was_rewritten_as_a_whole_is_seen_by_whoever_saw_it_written() -> None:
    witness, rewritten = end(chain(5)), chain(9, after=START)
    rewritten = [forged(rewritten[0], who="eve")]
    for _ in range(8):
        last = rewritten[-1]
        rewritten.append(seal(EVENT, "w", last.number + 1, last.hash, AT))
    chains = Chains(witnesses=witness)
    for entry in rewritten:
        chains.add(entry)
    assert chains.problems() == ["Entry 5 of writer w is not the one that was written."]


def test_an_entry_that_was_put_in_between_is_seen() -> None:
    entries = chain(5)
    stranger = seal(EVENT, "w", 4, entries[2].hash, AT)
    (first, *_) = check([*entries[:3], stranger, *entries[3:]])
    assert first.startswith("Entry 4 of writer w stands after entry 4")


def test_an_entry_of_a_writer_that_the_store_never_had_is_seen() -> None:
    entries = chain(5)
    (sentence,) = check([*entries, *chain(1, "nobody")], heads=end(entries))
    assert sentence == "Entries of writer nobody up to 1 were added behind its last one."


def test_an_entry_added_behind_the_last_is_seen() -> None:
    entries = chain(6)
    (sentence,) = check(entries, heads=end(entries[:5]))
    assert sentence == "Entries of writer w up to 6 were added behind its last one."


def test_a_copied_and_a_moved_entry_are_seen() -> None:
    entries = chain(5)
    assert len(check([*entries, entries[1]])) == 1
    assert check([entries[0], entries[2], entries[1], *entries[3:]]) != []


def test_a_chain_goes_on_from_where_the_store_let_go_of_it() -> None:
    entries = chain(9)
    assert check(entries[4:], anchors=end(entries[:4]), heads=end(entries)) == []
    assert check([], anchors=end(entries), heads=end(entries)) == []
    assert check(entries[5:], anchors=end(entries[:4])) == ["Entry 5 of writer w is missing."]


def test_an_anchor_cannot_hide_a_gap_within_a_chain() -> None:
    entries, chains = chain(9), Chains()
    for entry in entries[:3]:
        chains.add(entry)
    chains.anchor("w", Link(entries[5].number, entries[5].hash))
    for entry in entries[6:]:
        chains.add(entry)
    assert chains.problems() == ["Entries 4 to 6 of writer w are missing."]


def test_a_store_full_of_faults_is_told_in_a_hundred_sentences() -> None:
    problems = check([replace(entry, hash="x") for entry in chain(300)])
    assert len(problems) == 101
    assert problems[-1].endswith("further faults.")


_STEPS = st.sampled_from(["change", "drop", "copy", "swap"])


@given(st.lists(st.integers(0, 2), min_size=4, max_size=20), st.data())
def test_whatever_is_done_to_a_store_that_knows_its_heads_shows(
    writers: list[int], data: st.DataObject
) -> None:
    each = {writer: iter(chain(writers.count(writer), str(writer))) for writer in set(writers)}
    store = [next(each[writer]) for writer in writers]
    heads = {entry.writer: Link(entry.number, entry.hash) for entry in store}
    assert check(store, heads=heads) == []
    place = data.draw(st.integers(0, len(store) - 1))
    match data.draw(_STEPS):
        case "change":
            store[place] = forged(
                store[place], why=data.draw(st.text(max_size=5).map(lambda text: "!" + text))
            )
        case "drop":
            del store[place]
        case "copy":
            store.insert(data.draw(st.integers(0, len(store))), store[place])
        case "swap":
            others = [
                i for i, entry in enumerate(store) if entry.writer == store[place].writer and i != place
            ]
            if not others:
                return
            other = data.draw(st.sampled_from(others))
            store[place], store[other] = store[other], store[place]
    assert check(store, heads=heads) != []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON, st.text(max_size=12))
def test_an_entry_is_the_same_after_it_was_stored(value: Any, text: str) -> None:
    event = safe(Event(text, "acme", "a.b", text, why=text, before=value, after=[value]))
    entry = seal(event, "w", 1, "", AT)
    line = to_line(entry)
    assert "\n" not in line
    again = from_line(line.encode(), "7-0")
    assert replace(again, id="") == entry
    assert check([again]) == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"{}",
        b'"text"',
        b"\xff\xfe",
        b"[" * 5000,
        to_line(chain(1)[0]).encode()[:-9],
        to_line(chain(1)[0]).replace('"before":1', '"before":NaN').encode(),
        to_line(chain(1)[0]).replace('"before":1', '"before":1e999').encode(),
        to_line(chain(1)[0]).replace('"number":1', '"number":null').encode(),
        to_line(chain(1)[0]).replace("2026", "year").encode(),
    ],
)
def test_what_is_no_entry_is_an_error_of_value(line: bytes) -> None:
    with pytest.raises(ValueError):
        from_line(line, "")


TOKEN = secrets.token_urlsafe(32)
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "PASSWORD",
        "db_passwd",
        "apiKey",
        "api-key",
        "token",
        "X-Auth-Token",
        "clientSecret",
        "cookie",
    ],
)
@pytest.mark.parametrize("value", ["hunter2", 1234, ["a"], {"a": "b"}])
def test_what_has_a_secrets_name_is_not_kept(key: str, value: Any) -> None:
    assert redacted({"a": [{key: value}]}) == {"a": [{key: REDACTED}]}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (JWT, REDACTED),
        (f"called with {JWT}, twice", f"called with {REDACTED}, twice"),
        ("Authorization: Bearer abc.def-123", f"Authorization: {REDACTED}"),
        ("redis://ada:hunter2@host:6379/0", f"redis://{REDACTED}@host:6379/0"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", REDACTED),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", REDACTED),
        ("ghp_0123456789abcdefghij", REDACTED),
        ("A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0U1v", REDACTED),
    ],
)
def test_what_looks_like_a_token_is_not_kept(text: str, kept: str) -> None:
    assert redacted_text(text) == kept
    assert redacted({"note": [text]}) == {"note": [kept]}
    assert list(redacted({text: None})) == [kept]
    assert safe(replace(EVENT, why=text, who=text)).why == kept


@pytest.mark.parametrize(
    "text",
    [
        "enable_publish_app_executor",
        "daily-extract-x7k2p[1].Extract-metadata(0:tables)",
        "daily.extractMetadataFromSnowflakeAndThenPublishIt2",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0bc822cd15d6c15b0f00a0",
        "http://host/path@2x",
        "the token's issuer changed; Bearer is misspelt",
    ],
)
def test_names_ids_and_digests_are_kept(text: str) -> None:
    assert redacted_text(text) == text


def test_a_value_that_is_too_large_is_left_out_whole() -> None:
    assert redacted({"a": "x" * (VALUE_LIMIT - 20)}) == {"a": "x" * (VALUE_LIMIT - 20)}
    larger: list[Any] = [{"a": "x" * VALUE_LIMIT}, list(range(VALUE_LIMIT)), "é" * VALUE_LIMIT, [[]] * 3000]
    for large in larger:
        assert redacted(large) == OMITTED


def test_a_value_that_holds_itself_or_would_take_for_ever_is_left_out_at_once() -> None:
    knot: list[Any] = []
    knot += [knot, knot]
    evil = [
        "eyJ" * 100_000,
        "Bearer " * 50_000,
        "://" * 100_000,
        "Aa1" * 100_000,
        "-----BEGIN A-----" * 20_000,
    ]
    began = time.process_time()
    assert redacted(knot) == OMITTED
    for text in evil:
        redacted([text])
    assert time.process_time() - began < 10  # of computing: what goes back and forth takes minutes


def test_what_json_cannot_say_is_named() -> None:
    value = redacted([b"x", object(), float("inf"), 10**30, {1: (2,)}, "\ud800", AT])
    assert value[:5] == ["(bytes)", "(object)", "inf", "(a large number)", {"1": [2]}]
    json.dumps(value, allow_nan=False).encode()


def test_texts_are_bounded() -> None:
    assert len(safe(replace(EVENT, why="why " * 9999)).why) == TEXT_LIMIT


def test_an_own_token_is_never_kept() -> None:
    missed = sum(
        REDACTED not in redacted_text(f"with {secrets.token_urlsafe(32)} in it") for _ in range(1000)
    )
    assert missed < 100  # the odd one has less than two digits
