"""What routes need of their app: kept in one object on `app.state`."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from crossover.api.caller import authenticate
from crossover.identity import Authenticator, Principal
from crossover.stores.fallback_leases import FallbackLeases
from crossover.telemetry import Telemetry
from log_streamer.feed.feeds import Feeds
from log_streamer.metrics import Metrics
from log_streamer.settings import LogStreamerSettings
from log_streamer.tenants import Tenants


@dataclass(frozen=True, slots=True)
class Context:
    """Built by `create_app`."""

    settings: LogStreamerSettings
    tenants: Tenants
    feeds: Feeds
    leases: FallbackLeases
    authenticator: Authenticator
    telemetry: Telemetry
    metrics: Metrics


def context_of(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


async def principal_of(request: Request) -> Principal:
    """Raises Unauthenticated."""
    return await authenticate(request, context_of(request).authenticator)
