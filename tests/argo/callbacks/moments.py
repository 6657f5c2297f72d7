"""Times that pure tests agree on."""

from datetime import UTC, datetime

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
