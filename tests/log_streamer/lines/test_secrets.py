"""Secrets that programs log are masked; what only looks a little like one is not."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.lines.secrets import MASK, Redactor, compiled_grep
from tests.log_streamer.lines.making import REDACTOR, record

S = "hunter2Sx9Qz7Lm4"
"""The secret that is planted."""
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PLANTED = [
    (f"password={S}", S),
    (f"PASSWORD: {S}", S),
    (f"db_password={S} host=x", S),
    (f"pwd={S}", S),
    (f"passwd = {S}", S),
    (f'password="{S}"', S),
    (f'password="two words {S}"', S),
    (f'{{"password":"{S}"}}', S),
    (f'{{"password": "with \\"quotes\\" {S}"}}', S),
    (f'{{"msg":"{{\\"client_secret\\":\\"{S}\\"}}"}}', S),
    (f"{{'api_key': '{S}', 'x': 1}}", S),
    (f"api-key={S}", S),
    (f"apikey={S}", S),
    (f"secret={S};next=1", S),
    (f"aws_secret_access_key={S}", S),
    (f"AWS_SESSION_TOKEN={S}", S),
    (f"access_token={S}&state=1", S),
    (f"https://host/path?token={S}&x=1", S),
    (f"Authorization: Bearer {S}", S),
    (f"authorization: Basic {S}==", S),
    (f"sent bearer {S} to it", S),
    (f"credentials={S}", S),
    (f"private_key: {S}", S),
    (f"postgresql://user:{S}@db:5432/x", S),
    (f"redis://:{S}@cache:6379/0", S),
    ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
    ("key ASIAIOSFODNN7EXAMPLE used", "ASIAIOSFODNN7EXAMPLE"),
    (f"got {JWT} from it", JWT.split(".")[2]),
    ("ghp_" + "a1B2" * 9, "a1B2a1B2"),
    ("github_pat_" + "a1B2" * 10, "a1B2a1B2"),
    ("xoxb-123456789012-abcdefGHIJ", "abcdefGHIJ"),
    (f"-----BEGIN RSA PRIVATE KEY-----\\n{S}\\n-----END RSA PRIVATE KEY-----", S),
    (f"-----BEGIN PGP PRIVATE KEY BLOCK-----\\n{S}", S),
    (f"\x1b[36mpassword\x1b[0m=\x1b[35m{S}\x1b[0m", S),
    (f"\x1b[1mtoken\x1b[0m: {S}", S),
]
HARMLESS = [
    "",
    "level=info trace_id=wf-1 msg=hello",
    "the password was wrong",
    "3 tokens used",
    "max_tokens: none",
    "secrets are masked",
    "passed=3 failed=0",
    "https://host:8080/path?x=1",
    "https://user@host/path",
    "author=someone key=value",
    "basic auth is on",
    "bearer of news",
    "eyJ is how a JWT begins",
    "AKIA is how a key begins",
    "-----BEGIN CERTIFICATE-----",
    "time 12:30:45 user:name",
    "\x1b[36mhost\x1b[0m=\x1b[35mdb\x1b[0m",
    'password=""',
    '{"password": null, "retries": 3}',
]


@pytest.mark.parametrize(("text", "secret"), PLANTED)
def test_a_planted_secret_does_not_come_out(text: str, secret: str) -> None:
    out = record(f"before {text}").text
    assert secret not in out
    assert MASK in out


@pytest.mark.parametrize(("text", "secret"), PLANTED)
def test_nor_in_the_middle_of_a_long_line_in_any_script(text: str, secret: str) -> None:
    assert secret not in record("x" * 500 + f" ünïcode {text} " + "y" * 500).text


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_line_is_not_touched(text: str) -> None:
    assert REDACTOR.mask(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    assert REDACTOR.mask(f"user=me password={S} host=db") == f"user=me password={MASK} host=db"
    assert REDACTOR.mask(f'{{"token":"{S}","n":1}}') == f'{{"token":"{MASK}","n":1}}'
    assert REDACTOR.mask(f"https://u:{S}@h/p") == f"https://u:{MASK}@h/p"


def test_colours_go_only_from_lines_with_a_secret() -> None:
    assert REDACTOR.mask("\x1b[36mhost\x1b[0m=db") == "\x1b[36mhost\x1b[0m=db"
    assert REDACTOR.mask(f"\x1b[36mtoken\x1b[0m={S}") == f"token={MASK}"


@pytest.mark.parametrize("value", [b"\xff" + S.encode(), S.encode() + b"\xff\xfe", b"\xc3" + S.encode()])
def test_invalid_bytes_do_not_hide_a_secret(value: bytes) -> None:
    assert S not in record(b"token=" + value).text


@given(st.lists(st.sampled_from([text for text, _ in PLANTED] + HARMLESS), max_size=4))
def test_one_look_at_a_block_misses_nothing_that_a_line_would_mask(texts: list[str]) -> None:
    plain = [text.replace("\x1b", "") for text in texts]
    if any(REDACTOR.mask(text) != text for text in plain):
        assert REDACTOR.suspects("\n".join(plain).encode())


@given(st.lists(st.sampled_from([text for text, _ in PLANTED] + HARMLESS + ["é", " "]), max_size=4))
def test_what_is_masked_holds_no_planted_secret_in_any_mixture(texts: list[str]) -> None:
    out = record(" ".join(texts)).text
    assert not [secret for text, secret in PLANTED if text in texts and secret in out]


def test_an_operators_own_patterns_are_masked_as_a_whole() -> None:
    redactor = Redactor([r"CUST-\d{6}", r"(?i)internal-[a-z]+"])
    assert redactor.mask("order of CUST-123456 by INTERNAL-abc.") == f"order of {MASK} by {MASK}."
    assert redactor.suspects(b"CUST-123456")
    assert not redactor.suspects(b"CUST-12345")


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", r"(?<=a)b", "[z-a]", "*", r"\1"])
def test_a_pattern_that_re2_does_not_take_is_named(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"^'") as raised:
        Redactor([pattern])
    assert repr(pattern) in str(raised.value)
    with pytest.raises(ValueError):
        compiled_grep(pattern)


@pytest.mark.parametrize(
    "piece",
    ["password", "password=", 'token="', "a:", "://a:", "eyJabcdefgh.", "-----BEGIN ", "secret\\", "bearer ",
     "api_key", "x", "\x1b[0m", "token='", "é=", "AKIA"],
)  # fmt: skip
def test_a_crafted_megabyte_is_searched_in_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    REDACTOR.suspects(text)
    REDACTOR.mask(text)
    assert time.process_time() - began < 20  # a search that goes back takes hours


def test_a_thousand_lines_with_secrets_among_harmless_ones_all_come_out_clean() -> None:
    rng = random.Random(3)
    for _ in range(1000):
        text, secret = rng.choice(PLANTED)
        parts = [*rng.choices(HARMLESS, k=3), text]
        rng.shuffle(parts)
        assert secret not in record(" | ".join(parts)).text
