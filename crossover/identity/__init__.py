"""Who calls, and whether they may."""

from crossover.identity.authenticator import Anyone, Authenticator
from crossover.identity.principal import (
    FLAGS,
    PLATFORM,
    REQUIRED_ROLE,
    Action,
    Principal,
    Resource,
    Role,
    authorise,
    no_such_run,
)
from crossover.identity.static_tokens import StaticTokens, hash_token, new_token

__all__ = [
    "FLAGS",
    "PLATFORM",
    "REQUIRED_ROLE",
    "Action",
    "Anyone",
    "Authenticator",
    "Principal",
    "Resource",
    "Role",
    "StaticTokens",
    "authorise",
    "hash_token",
    "new_token",
    "no_such_run",
]
