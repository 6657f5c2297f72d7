"""Decisions, and pins on a real Redis."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crossover.contract.run import ArgoNode
from crossover.flags.decision import Decision
from crossover.flags.model import Context, Reason, Variant
from crossover.stores.redis_client import RedisAccess, connect
from crossover.stores.redis_pins import RedisPins
from crossover.stores.redis_url import parse_redis_url
from tests.patience import PATIENCE

_numbers = itertools.count()
_BEGAN = datetime.now(UTC)


def decision(
    variant: Variant = Variant.CROSSOVER,
    *,
    tenant: str = "acme",
    trace_id: str = "trace",
    node: str | None = None,
) -> Decision:
    """A decision of a node of its own; each is a second later than the one before it."""
    number = next(_numbers)
    return Decision(
        flag="enable_crossover",
        variant=variant,
        reason=Reason.SPLIT,
        rule="flags.enable_crossover.rollout[0]",
        config_version=3,
        context=Context(tenant=tenant, app="billing"),
        argo=ArgoNode("argo", "wf", "uid", node or f"wf.node-{number}"),
        trace_id=trace_id,
        decided_at=_BEGAN + timedelta(seconds=number),
    )


def otherwise(first: Decision) -> Decision:
    """The same node, decided anew, after the flags have changed."""
    variant = Variant.LEGACY if first.variant is Variant.CROSSOVER else Variant.CROSSOVER
    return replace(first, variant=variant, config_version=first.config_version + 1)


def redis_pins(
    url: str, prefix: str = "crossover", *, days: float = 30, timeout: float = PATIENCE
) -> RedisPins:
    client = connect(parse_redis_url(url), RedisAccess(), timeout=timeout * 0.75)
    return RedisPins(client, days=days, prefix=prefix, timeout=timeout)
