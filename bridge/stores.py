"""What the bridge keeps outside of itself: in Redis for all replicas, in files, or (a laptop) not at all."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bridge.settings import BridgeSettings
from crossover.stores.audit_log import AuditLog, Sink
from crossover.stores.fallback_outcomes import FallbackOutcomes
from crossover.stores.fallback_pins import FallbackPins
from crossover.stores.fallback_rates import FallbackRates
from crossover.stores.file_audit import FileAudit
from crossover.stores.file_flags import FileFlags
from crossover.stores.flag_copy import FlagCopy
from crossover.stores.flag_keeper import FlagKeeper
from crossover.stores.flag_store import FlagStore
from crossover.stores.no_stores import NoAudit, NoFlags
from crossover.stores.outcomes import LocalOutcomes, Outcomes
from crossover.stores.pins import LocalPins, Pins
from crossover.stores.rates import LocalRates, Rates
from crossover.stores.redis_audit import RedisAudit
from crossover.stores.redis_client import RedisAccess, RedisClient, connect
from crossover.stores.redis_flags import RedisFlags
from crossover.stores.redis_outcomes import RedisOutcomes
from crossover.stores.redis_pins import RedisPins
from crossover.stores.redis_rates import RedisRates
from crossover.stores.redis_url import parse_redis_url

LOCAL_SHARE = 0.5
"""Of a tenant's start rate, what each replica grants while Redis is away: right for two replicas."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Open for as long as the app lives. Only reading the audit and the outcomes raises StoreAway."""

    flags: FlagStore
    keeper: FlagKeeper
    pins: Pins
    outcomes: Outcomes
    rates: Rates
    audit: AuditLog

    def unwritten(self) -> dict[str, int]:
        """What waits for its store to come back, by name."""
        return {
            "decisions": getattr(self.pins, "unsent", 0),
            "outcomes": getattr(self.outcomes, "waiting", 0),
            "audit": self.audit.waiting,
        }

    def lost(self) -> dict[str, int]:
        """What was given up since the start, by name. A decision is lost where another replica, which could
        not be asked, had decided the node differently."""
        return {
            "decisions": getattr(self.pins, "conflicts", 0),
            "outcomes": getattr(self.outcomes, "lost", 0),
            "audit": self.audit.dropped,
        }

    def degraded(self) -> dict[str, str]:
        """What does without its store now, by name, and why."""
        parts = {"decisions": self.pins, "outcomes": self.outcomes, "quotas": self.rates}
        found = {name: getattr(part, "degraded", None) for name, part in parts.items()}
        found["audit"] = self.audit.away
        found["flags"] = None if self.keeper.status.state == "fresh" else self.keeper.status.detail
        return {name: reason for name, reason in found.items() if reason}


def check_stores(settings: BridgeSettings) -> None:
    """Raises ValueError for settings that no store can be made of."""
    if settings.redis_url is not None:
        try:
            parse_redis_url(settings.redis_url)
        except ValueError as error:
            raise ValueError(f"redis_url: {error}") from None


@asynccontextmanager
async def open_stores(settings: BridgeSettings) -> AsyncGenerator[Stores, None]:
    """Nothing here waits for Redis longer than a second: a bridge starts without it."""
    async with AsyncExitStack() as stack:
        flags = _flags(settings)
        stack.push_async_callback(flags.aclose)
        copy = FlagCopy(settings.state_dir / "last-flags.json") if settings.state_dir else None
        keeper = FlagKeeper(flags, copy, killed=settings.kill)
        await keeper.start()
        audit = AuditLog(_sink(settings))
        audit.start()
        stack.push_async_callback(audit.aclose)
        pins, outcomes, rates = await _shared(settings, stack)
        yield Stores(flags, keeper, pins, outcomes, rates, audit)


async def _shared(settings: BridgeSettings, stack: AsyncExitStack) -> tuple[Pins, Outcomes, Rates]:
    if settings.redis_url is None:
        return LocalPins(), LocalOutcomes(), LocalRates()
    shared = RedisPins(_client(settings), days=settings.decision_days, timeout=settings.redis_timeout / 2)
    pins = await stack.enter_async_context(FallbackPins(shared, LocalPins()))
    kept = RedisOutcomes(_client(settings), timeout=settings.redis_timeout)
    outcomes = await stack.enter_async_context(FallbackOutcomes(kept))
    rates = FallbackRates(RedisRates(_client(settings), timeout=settings.redis_timeout), share=LOCAL_SHARE)
    stack.push_async_callback(rates.aclose)
    return pins, outcomes, rates


def _flags(settings: BridgeSettings) -> FlagStore:
    file, folder = settings.flags_file, settings.state_dir
    if file is not None and folder is not None:
        return FileFlags(file, writable=settings.flags_writable, state=folder / "flags")
    return RedisFlags(_client(settings), timeout=settings.redis_timeout) if settings.redis_url else NoFlags()


def _sink(settings: BridgeSettings) -> Sink:
    if settings.audit_file is not None:
        return FileAudit(settings.audit_file)
    if settings.redis_url is None:
        return NoAudit()
    return RedisAudit(_client(settings), keep=settings.audit_entries, timeout=settings.redis_timeout)


def _client(settings: BridgeSettings) -> RedisClient:
    access = RedisAccess(settings.redis_password_file, settings.redis_ca_file)
    return connect(parse_redis_url(settings.redis_url or ""), access, timeout=settings.redis_timeout)
