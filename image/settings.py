"""The one place where this package reads the environment."""

from __future__ import annotations

import os


def source_date_epoch() -> str | None:
    """SOURCE_DATE_EPOCH, in seconds since 1970, as reproducible-builds.org defines it."""
    return os.environ.get("SOURCE_DATE_EPOCH")
