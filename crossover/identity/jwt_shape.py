"""What a JWT says of itself, before anybody has proven it: good for choosing whom to ask, and for no more."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import orjson

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*")


def unproven_claims(token: str) -> Mapping[str, Any] | None:
    """None for anything that is not shaped like a signed JWT."""
    found = _SHAPE.fullmatch(token)
    if found is None:
        return None
    segment = found[1]
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, orjson.JSONDecodeError):
        return None
    return claims if isinstance(claims, dict) else None


def expiry(claims: Mapping[str, Any]) -> float | None:
    """Seconds since the epoch; None where it names none, or no number."""
    exp = claims.get("exp")
    return float(exp) if isinstance(exp, (int, float)) and not isinstance(exp, bool) else None
