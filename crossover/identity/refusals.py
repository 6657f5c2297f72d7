"""Why a token does not count: callers get one sentence for all of it, and the log says which it was."""

from __future__ import annotations

import logging

from crossover.errors import Unauthenticated

_log = logging.getLogger(__name__)


def no_token() -> Unauthenticated:
    return Unauthenticated("Send `Authorization: Bearer <token>`.")


def not_accepted(why: str) -> Unauthenticated:
    """`why` is for the operator alone: it could tell an attacker which part of a forgery is right."""
    _log.info("token not accepted: %s", why)
    return Unauthenticated(
        "The token is not accepted: it is unknown, expired, revoked, or made for another service."
    )


def not_bound(name: str) -> Unauthenticated:
    """For a caller who has proven who it is, and so may be told what is missing."""
    return Unauthenticated(
        f"{name} is known, but has no tenant here: the operator binds it to one in the identity file."
    )
