"""successCondition: what is understood means what it means to Argo, and nothing else is guessed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_flow.graph.logic import ExpressionError
from bridge.argo.agent.http.condition import parse_condition
from bridge.argo.agent.http.evaluation import EvaluationError, Headers, evaluate

BODY = '{"status": "done", "count": 3, "ratio": 1.5, "ok": true, "none": null, "items": ["a", "b"]}'

SCOPE: dict[str, Any] = {
    "request": {"method": "POST", "url": "http://x.test/", "body": "hello", "headers": Headers({"X": ["1"]})},
    "response": {
        "statusCode": 201,
        "body": BODY,
        "headers": Headers({"Server": ["cloudflare"], "Set-Cookie": ["a=1", "b=2"]}),
    },
}

TRUE = [
    "response.statusCode == 201",
    "response.statusCode==201&&response.statusCode!=200",
    "response.statusCode >= 200 && response.statusCode < 300",
    "response.statusCode > 200 and not (response.statusCode >= 202)",
    "response.statusCode <= 201.0",
    "response.statusCode in [200, 201, 202]",
    "response.statusCode in 200..299",
    "response.statusCode not in [400, 404]",
    "!(response.statusCode in [])",
    "response.statusCode == 500 || response.body contains 'done'",
    'response.statusCode == 500 or response.body contains "done"',
    "false || true && true",
    "true || false && false",  # `&&` binds tighter
    'response["statusCode"] == 201',
    'response.headers["Server"][0] == "cloudflare"',
    "response.headers.Server[0] startsWith 'cloud'",
    "response.headers['Set-Cookie'][-1] endsWith '=2'",
    '"Server" in response.headers',
    '"server" not in response.headers',
    '"b=2" in response.headers["Set-Cookie"]',
    'response.headers["X-Missing"] == nil',
    'len(response.headers["X-Missing"]) == 0',
    'len(response.headers["Set-Cookie"]) == 2',
    'response.body matches "\\"status\\":\\\\s*\\"done\\""',
    "response.body matches `^{.*}$`",
    'response.body not contains "failed"',
    'response.body not matches "fail(ed|ure)"',
    'fromJSON(response.body).status == "done"',
    'fromJSON(response.body)["items"][1] == "b"',
    "fromJSON(response.body).count == 3",
    "fromJSON(response.body).ratio > 1",
    "fromJSON(response.body).ok",
    "fromJSON(response.body).none == nil",
    "fromJSON(response.body).missing == nil",
    "fromJSON(response.body).items == ['a', 'b']",
    "string(response.statusCode) == '201'",
    "string(fromJSON(response.body).ok) == 'true'",
    "string(fromJSON('3.0')) == '3'",
    "int('201') == response.statusCode",
    "int(1.9) == 1",
    "float('2.5') > 2",
    "lower('AbC') == 'abc' && upper('a') == 'A' && trim(' a ') == 'a'",
    "hasPrefix(response.body, '{') && hasSuffix(response.body, '}')",
    "len('äö') == 2",
    "request.method == 'POST' && request.body == 'hello' && request.url contains 'x.test'",
    "request.headers['X'][0] == '1'",
    "'\\u0041\\x42\\n' == \"AB\\n\"",
    "-1 < 0",
]

FALSE = [
    "response.statusCode == 200",
    'response.statusCode == "201"',  # a number is no text
    "response.statusCode == true",
    "1 == true",
    "true in [1]",
    "response.statusCode in 202..299",
    "201.5 in 200..299",
    "true in 0..9",
    "response.statusCode in nil",
    'response.headers["Server"] == "cloudflare"',  # a list of one is no text
    'response.headers["X-Missing"] != nil',
    '"a" in response.headers["X-Missing"]',
    "['a'] == ['a', 'b']",
    "[1] == [true]",
    "nil == false",
    'response.body startsWith "done"',
    "fromJSON(response.body).missing == ''",
]

NOT_UNDERSTOOD = [
    "",
    "   ",
    "jsonpath(response.body, '$.status') == 'done'",  # Argo's agent does not know it here either
    "sprig.trim(response.body) == ''",
    "response.statusCode = 201",
    "response.statusCode === 201",
    "200 < response.statusCode < 300",
    "response.statusCode == 201 == true",
    "response.statusCode + 1 == 202",
    "response.statusCode == 201 ? true : false",
    "response?.statusCode == 201",
    "response.body | len() > 3",
    "any(response.headers, {true})",
    "response.headers.Content-Type[0] == 'a'",
    "statusCode == 201",
    "request.bodyBytes == []",
    "len() == 0",
    "len('a', 'b') == 2",
    "lower == 1",
    "(response.statusCode == 201",
    "response.statusCode == 201)",
    "response.statusCode == 0x1F",
    "response.statusCode == 1_000",
    "response.statusCode == 99999999999999999999",
    "'unclosed",
    "'\\q' == 'q'",
    "true // comment",
    "true # comment",
    "true; true",
    "not",
    "true not true",
    "response.",
    "response[",
    "(" * 100 + "true" + ")" * 100,
    "!" * 100 + "true",
    "response" + "[0]" * 100 + " == 1",
    "true" + " " * 5000,
]

NO_VALUE = [
    "response.statusCode",
    "response.statusCode && true",
    "!response.body",
    "not response.body contains 'done'",  # `not` binds tighter, in Argo too
    "response.statusCode > '200'",
    "response.statusCode > nil",
    "true > false",
    "response.statusCode contains '2'",
    "response.headers['X-Missing'][0] == 'a'",
    "response.headers['Server'][1] == 'a'",
    "response.body[0] == 'a'",
    "response.missing.more == 1",
    "'a' in 'abc'",
    "1 in response.headers",
    "response.headers == response.headers",
    "response.body matches '('",
    "len(nil) == 0",
    "len(3) == 0",
    "int('many') == 0",
    "int('1_0') == 10",
    "int(nil) == 0",
    "float('nan') == 0",
    "string(1.5) == '1.5'",
    "fromJSON('{') == nil",
    "fromJSON(3) == nil",
    "'a'..'b' == 1",
    "1 in 1..true",
    "len(1..3) == 3",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_holds_is_true(text: str) -> None:
    assert evaluate(parse_condition(text), SCOPE) is True


@pytest.mark.parametrize("text", FALSE)
def test_what_does_not_hold_is_false(text: str) -> None:
    assert evaluate(parse_condition(text), SCOPE) is False


@pytest.mark.parametrize("text", NOT_UNDERSTOOD)
def test_what_is_not_understood_is_refused_before_anything_is_sent(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_condition(text)


@pytest.mark.parametrize("text", NO_VALUE)
def test_what_has_no_value_is_an_error_and_never_true(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(parse_condition(text), SCOPE)
    assert len(str(caught.value)) < 200


def test_the_side_that_does_not_matter_is_not_looked_at() -> None:
    assert evaluate(parse_condition("true || response.missing.more"), SCOPE)
    assert not evaluate(parse_condition("false && response.missing.more"), SCOPE)


_PART = re.compile(r"'\w*'|\w+\(?|\.\.|[=!<>]=|&&|\|\||\S")

PARTS = st.sampled_from(sorted(set(_PART.findall(" ".join((*TRUE, *NO_VALUE))))))


@given(st.lists(PARTS, max_size=12).map(" ".join) | st.text(max_size=40))
def test_any_text_is_judged_refused_or_without_a_value(text: str) -> None:
    try:
        outcome: object = evaluate(parse_condition(text), SCOPE)
    except (ExpressionError, EvaluationError) as error:
        outcome = error
    assert isinstance(outcome, bool | ExpressionError | EvaluationError)
