"""What the services' settings have in common: what they tell, and that no variable is misspelt in silence."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from enum import StrEnum
from typing import Any

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings


class Auth(StrEnum):
    """The ways in."""

    NONE = "none"
    TOKENS = "tokens"
    KUBERNETES = "kubernetes"
    OIDC = "oidc"


class ServiceSettings(BaseSettings):
    """Each service's settings: the environment is read here, once."""

    log_level: str = Field(
        "info",
        pattern="^(?i:debug|info|warning|error)$",
        description="Least level logged: debug, info, warning or error.",
    )
    log_json: bool = Field(True, description="JSON lines; false gives text for people.")
    otlp_endpoint: str | None = Field(
        None,
        description="Base URL of an OTLP/HTTP collector for traces and metrics; none are sent without it.",
    )

    @model_validator(mode="before")
    @classmethod
    def _set(cls, values: dict[str, Any]) -> dict[str, Any]:
        """An empty variable is one that is not set: charts and shells write those."""
        return {name: value for name, value in values.items() if value != ""}

    @classmethod
    def unknown_variables(cls) -> list[str]:
        """Variables with the service's prefix that set nothing, each with the setting it may mean.

        Kubernetes itself sets <PREFIX>SERVICE_* and <PREFIX>PORT* in every pod beside a Service of that
        name; that is also why our own are LISTEN_HOST and LISTEN_PORT.
        """
        prefix = cls.model_config["env_prefix"]
        injected = re.compile(re.escape(prefix) + r"(SERVICE_.+|PORT|PORT_.+)")
        known = {f"{prefix}{name}".upper() for name in cls.model_fields}
        found = sorted(
            name for name in os.environ if name.startswith(prefix) and not injected.fullmatch(name)
        )
        return [f"{name} is no setting{_guess(name, known)}" for name in found if name not in known]

    @classmethod
    def words(cls, error: Exception) -> str:
        """A settings error in one line, by the variable that sets it."""
        if not isinstance(error, ValidationError):
            return str(error)
        lines = []
        for item in error.errors(include_url=False, include_input=False):
            name = cls.model_config["env_prefix"] + "_".join(str(part) for part in item["loc"])
            lines.append(f"{name.upper().rstrip('_')}: {item['msg'].removeprefix('Value error, ')}")
        return "; ".join(lines)


def read_auth(text: str) -> tuple[Auth, ...]:
    """The ways in, of a list by comma. Raises ValueError for unknown ones, and for `none` beside others."""
    names = dict.fromkeys(part.strip().lower() for part in text.split(","))
    if not set(names) <= set(Auth) or (Auth.NONE in names and len(names) > 1):
        ways = ", ".join(way for way in Auth if way is not Auth.NONE)
        raise ValueError(f"takes none, or any of {ways} by comma")
    return tuple(Auth(name) for name in names)


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _guess(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f": is {near[0]} meant?" if near else ""
