"""What the sidecar can be told, by variables alone: it is set up once, in the plugin's ConfigMap."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

from crossover.cli.step.credentials import CredentialError, read_certificates, read_token

PREFIX = "CROSSOVER_PLUGIN_"
AGENT_TOKEN = Path("/var/run/argo/token")
"""Where Argo mounts the token that its agent sends (workflow/controller/agent.go)."""

PORTS = {"http": 80, "https": 443}

VARIABLES = {
    "CROSSOVER_URL": "where the bridge is, for example http://crossover-bridge.crossover:8787",
    "CROSSOVER_TOKEN": "the bridge's token, or `Bearer` and the token: from a Secret",
    "CROSSOVER_TOKEN_FILE": "file with it instead; read for every request, since tokens rotate",
    "CROSSOVER_CA_FILE": "certificates (PEM) to trust instead of the system's",
    f"{PREFIX}LISTEN_PORT": "port on 127.0.0.1; default 4355",
    f"{PREFIX}AGENT_TOKEN_FILE": f"file with the agent's token; default {AGENT_TOKEN}",
}
_INJECTED = re.compile(PREFIX + r"(SERVICE_.+|PORT|PORT_.+)")
"""Kubernetes sets these in every pod beside a Service of the name crossover-plugin."""

_T = TypeVar("_T")


class SettingsError(Exception):
    """A variable cannot be used; the text names it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the bridge is. `prefix` is the URL's path, quoted, without a trailing slash."""

    tls: bool
    host: str
    port: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Settings:
    """`token` wins over `token_file`; with neither, the bridge is asked without a token."""

    endpoint: Endpoint
    token: str | None
    token_file: Path | None
    ca_file: Path | None
    listen_port: int
    agent_token_file: Path


def documented() -> str:
    """The variables, for people."""
    return "\n".join(f"{name:<36}{text}" for name, text in VARIABLES.items())


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises SettingsError."""
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in VARIABLES and not _INJECTED.fullmatch(name):
            raise SettingsError(f"{name} is no setting; there are {', '.join(VARIABLES)}")
    given = {name: environ[name].strip() for name in VARIABLES if environ.get(name, "").strip()}
    if "CROSSOVER_URL" not in given:
        raise SettingsError("CROSSOVER_URL is missing: set it to where the bridge is")
    return Settings(
        endpoint=_read(given, "CROSSOVER_URL", _endpoint),
        token=_optional(given, "CROSSOVER_TOKEN", _token),
        token_file=_optional(given, "CROSSOVER_TOKEN_FILE", lambda text: _good(Path(text), read_token)),
        ca_file=_optional(given, "CROSSOVER_CA_FILE", lambda text: _good(Path(text), read_certificates)),
        listen_port=_optional(given, f"{PREFIX}LISTEN_PORT", _port) or 4355,
        agent_token_file=_optional(given, f"{PREFIX}AGENT_TOKEN_FILE", Path) or AGENT_TOKEN,
    )


def _optional(given: Mapping[str, str], name: str, read: Callable[[str], _T]) -> _T | None:
    return _read(given, name, read) if name in given else None


def _read(given: Mapping[str, str], name: str, read: Callable[[str], _T]) -> _T:
    try:
        return read(given[name])
    except (ValueError, CredentialError) as error:
        raise SettingsError(f"{name}: {error}") from None


def _good(path: Path, check: Callable[[Path], object]) -> Path:
    """A file that must be good now; it is read again whenever it is used."""
    check(path)
    return path


def _token(text: str) -> str:
    """A Secret that http templates use as a header holds `Bearer` before the token."""
    token = text.removeprefix("Bearer ").strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("holds no token: it has spaces, control characters or characters outside ASCII")
    return token


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError("must be a port")
    return int(text)


def _endpoint(text: str) -> Endpoint:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in PORTS or not host:
        raise ValueError("write http://HOST[:PORT] or https://HOST[:PORT]")
    if parts.username is not None or parts.query or parts.fragment or not text.isprintable():
        raise ValueError("must hold no user, password, query or fragment")
    prefix = quote(parts.path.rstrip("/"), safe="/%")
    return Endpoint(parts.scheme == "https", host, port or PORTS[parts.scheme], prefix)
