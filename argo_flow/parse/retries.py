"""retryStrategy."""

from __future__ import annotations

from argo_flow.graph.logic import ExpressionError
from argo_flow.graph.retries import RetryPolicy
from argo_flow.graph.retry_expression import parse_retry_expression
from argo_flow.graph.templates import Backoff, RetryStrategy
from argo_flow.parse import keys
from argo_flow.parse.fields import Fields


def read_retry_strategy(parent: Fields) -> RetryStrategy | None:
    fields = parent.fields("retryStrategy")
    if fields is None:
        return None
    strategy = RetryStrategy(
        source=fields.source,
        limit=fields.any_text("limit"),
        policy=fields.text("retryPolicy"),
        backoff=_backoff(fields),
        expression=fields.text("expression"),
        extra=fields.rest(keys.RETRY),
    )
    _check(strategy, fields)
    return strategy


def _backoff(parent: Fields) -> Backoff | None:
    fields = parent.fields("backoff")
    if fields is None:
        return None
    backoff = Backoff(
        duration=fields.any_text("duration"),
        factor=fields.any_text("factor"),
        max_duration=fields.any_text("maxDuration"),
        cap=fields.any_text("cap"),
    )
    fields.rest(frozenset())
    return backoff


def _check(strategy: RetryStrategy, fields: Fields) -> None:
    report, line, path = fields.report, fields.line, fields.path
    if strategy.policy and "{{" not in strategy.policy and strategy.policy not in list(RetryPolicy):
        report.error("retry-policy", line, f"{path}.retryPolicy must be one of {', '.join(RetryPolicy)}")
    if strategy.limit is None:
        report.warning("retry-unlimited", line, f"{path} has no limit: Argo retries without end")
        if strategy.backoff is not None:
            report.warning(
                "retry-no-wait", line, f"{path}: without a limit Argo does not wait for the backoff"
            )
    if strategy.expression and "{{" not in strategy.expression:
        try:
            parse_retry_expression(strategy.expression)
        except ExpressionError as error:
            report.warning("retry-expression", line, f"{path}.expression is not understood here: {error}")
