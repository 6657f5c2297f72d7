"""Retries: which failed attempt is followed by another, and when."""

from __future__ import annotations

import pytest

from argo_flow.graph.logic import ExpressionError
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.retries import Attempt, GiveUp, RetryPolicy, TryAgain, delay, next_attempt, policy_of
from argo_flow.graph.retry_expression import evaluate_retry_expression, parse_retry_expression
from argo_flow.graph.source import Source
from argo_flow.graph.templates import Backoff, RetryStrategy

HERE = Source("wf.yaml", 1)


def strategy(
    limit: str | None = "3",
    policy: str | None = None,
    backoff: Backoff | None = None,
    expression: str | None = None,
) -> RetryStrategy:
    return RetryStrategy(HERE, limit, policy, backoff, expression)


def attempt(
    number: int = 0,
    phase: NodePhase = NodePhase.FAILED,
    exit_code: str | None = "1",
    message: str = "boom",
    finished: float = 110.0,
) -> Attempt:
    return Attempt(number, phase, message, exit_code, started=100.0, finished=finished, first_started=100.0)


@pytest.mark.parametrize(
    ("policy", "expression", "expected"),
    [
        (None, None, RetryPolicy.ON_FAILURE),
        (None, "true", RetryPolicy.ALWAYS),
        ("OnError", "true", RetryPolicy.ON_ERROR),
        ("OnFailure", None, RetryPolicy.ON_FAILURE),
    ],
)
def test_the_policy_is_on_failure_unless_an_expression_makes_it_always(
    policy: str | None, expression: str | None, expected: RetryPolicy
) -> None:
    assert policy_of(strategy(policy=policy, expression=expression)) is expected


@pytest.mark.parametrize(
    ("policy", "phase", "message", "again"),
    [
        ("Always", NodePhase.FAILED, "", True),
        ("Always", NodePhase.ERROR, "", True),
        ("OnFailure", NodePhase.FAILED, "", True),
        ("OnFailure", NodePhase.ERROR, "", False),
        ("OnError", NodePhase.FAILED, "", False),
        ("OnError", NodePhase.ERROR, "", True),
        ("OnTransientError", NodePhase.ERROR, "dial: i/o timeout", True),
        ("OnTransientError", NodePhase.FAILED, "no such table", False),
    ],
)
def test_the_policy_decides_by_the_phase(policy: str, phase: NodePhase, message: str, again: bool) -> None:
    decision = next_attempt(strategy(policy=policy), attempt(phase=phase, message=message))
    assert isinstance(decision, TryAgain) is again


def test_a_limit_of_two_allows_three_attempts() -> None:
    answers = [isinstance(next_attempt(strategy("2"), attempt(number)), TryAgain) for number in range(4)]
    assert answers == [True, True, False, False]
    assert next_attempt(strategy("2"), attempt(2)) == GiveUp("No more retries left")


def test_without_a_limit_there_is_always_another_attempt() -> None:
    assert isinstance(next_attempt(strategy(None), attempt(1_000_000)), TryAgain)


@pytest.mark.parametrize(("number", "expected"), [(0, 2.0), (1, 6.0), (2, 18.0), (3, 30.0), (10_000, 30.0)])
def test_the_delay_grows_by_the_factor_up_to_the_cap(number: int, expected: float) -> None:
    assert delay(Backoff(duration="2s", factor="3", cap="30s"), number) == expected


def test_the_delay_is_constant_without_a_factor() -> None:
    assert [delay(Backoff(duration="5"), number) for number in range(3)] == [5.0, 5.0, 5.0]


def test_a_backoff_needs_a_duration() -> None:
    with pytest.raises(ValueError, match="no base duration"):
        next_attempt(strategy(backoff=Backoff(factor="2")), attempt())


def test_the_backoff_starts_when_the_attempt_ended_and_needs_a_limit_to_be_waited_for() -> None:
    backoff = Backoff(duration="10s")
    assert next_attempt(strategy("3", backoff=backoff), attempt()) == TryAgain(120.0, None)
    assert next_attempt(strategy(None, backoff=backoff), attempt()) == TryAgain(110.0, None)


def test_max_duration_runs_from_the_first_attempt_and_bounds_the_next_one() -> None:
    backoff = Backoff(duration="10s", max_duration="1m")
    assert next_attempt(strategy(backoff=backoff), attempt()) == TryAgain(120.0, 160.0)
    late = next_attempt(strategy(backoff=backoff), attempt(finished=155.0))
    assert late == GiveUp("Backoff would exceed max duration limit")
    over = next_attempt(strategy(backoff=backoff), attempt(finished=161.0))
    assert over == GiveUp("Max duration limit exceeded")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("lastRetry.exitCode in ['75', '-1']", True),
        ("lastRetry.exitCode not in ['75', '-1']", False),
        ("lastRetry.exitCode in []", False),
        ("asInt(lastRetry.exitCode) > 64", True),
        ("asInt(lastRetry.exitCode) == 75 && asInt(retries) < 2", True),
        ("lastRetry.exitCode == 75", False),
        ('lastRetry.status == "Failed" and not (retries == "0")', True),
        ("asFloat(lastRetry.duration) <= 10.5", True),
        ("lastRetry.message != 'boom' || lastRetry.status != 'Error'", True),
        ("!(lastRetry.message == 'boom')", False),
        ("lastRetry.message contains 'oo' && lastRetry.message startsWith 'bo'", True),
        ("!(lastRetry.message endsWith 'boo') || lastRetry.message contains 'xyz'", True),
        ("lastRetry.status contains lastRetry.message", False),
    ],
)
def test_the_expression_sees_strings(expression: str, expected: bool) -> None:
    variables = {
        "lastRetry.exitCode": "75",
        "lastRetry.status": "Failed",
        "lastRetry.duration": "10",
        "lastRetry.message": "boom",
        "retries": "1",
    }
    assert evaluate_retry_expression(expression, variables) is expected
    assert str(parse_retry_expression(str(parse_retry_expression(expression)))) == str(
        parse_retry_expression(expression)
    )


def test_a_lost_attempt_has_the_exit_code_minus_one() -> None:
    only_lost = strategy(expression="lastRetry.exitCode == '-1'")
    assert isinstance(next_attempt(only_lost, attempt(exit_code=None)), TryAgain)
    assert next_attempt(only_lost, attempt()) == GiveUp("retryStrategy.expression evaluated to false")


@pytest.mark.parametrize(
    "expression",
    [
        "lastRetry.exitCode > 1",
        "asInt('x') == 1",
        "lastRetry.code == '1'",
        "lastRetry.exitCode",
        "1 in 2",
        "'a' contains 1",
    ],
)
def test_an_expression_of_the_wrong_types_or_names_is_an_error(expression: str) -> None:
    with pytest.raises(ExpressionError):
        next_attempt(strategy(expression=expression), attempt())
