"""How the Kubernetes API is reached and who we are there, as kubernetes.aio reads it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.config.incluster_config import InClusterConfigLoader

from crossover.kubernetes.errors import Denied

READ_AGAIN = 60.0
"""Seconds that credentials are used for until they are read again: the kubelet replaces tokens hourly, well
before they expire."""

Loader = Callable[[Configuration], Awaitable[None]]
"""Fills a Configuration. Each use begins anew, so that replaced files are read again."""


class Access:
    """The API's address, and credentials that are never older than a minute."""

    def __init__(self, load: Loader) -> None:
        self._load = load
        self._configuration = Configuration()
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def configuration(self) -> Configuration:
        """Raises Denied: there is no usable configuration."""
        async with self._reading:
            if self._read_at is None or time.monotonic() - self._read_at > READ_AGAIN:
                await self._read()
        return self._configuration

    async def headers(self) -> dict[str, str]:
        """Those that say who we are. Raises Denied."""
        key = (await self.configuration()).api_key.get("BearerToken")
        return {"Authorization": key} if key else {}

    async def forget(self, headers: dict[str, str]) -> bool:
        """The API does not know these credentials: whether there are others now."""
        self._read_at = None
        return await self.headers() != headers

    async def _read(self) -> None:
        fresh = Configuration()
        try:
            await self._load(fresh)
        except (config.ConfigException, OSError, ValueError) as error:
            raise Denied("The Kubernetes configuration cannot be read.") from error
        self._configuration, self._read_at = fresh, time.monotonic()


def from_kubeconfig(path: Path | None = None, context: str | None = None) -> Access:
    """A kubeconfig file as kubectl's: certificates, tokens, token files, OIDC, programs that give tokens."""

    async def load(into: Configuration) -> None:
        file = str(path) if path else None
        await config.load_kube_config(file, context, into, persist_config=False)  # type: ignore[no-untyped-call]

    return Access(load)


def in_cluster(
    environ: Mapping[str, str], folder: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")
) -> Access:
    """The service account of the pod in which we run; the API's address is in the pod's environment."""

    async def load(into: Configuration) -> None:
        token, ca = str(folder / "token"), str(folder / "ca.crt")
        loader = InClusterConfigLoader(token, ca, False, environ)  # type: ignore[no-untyped-call]
        loader.load_and_set(into)  # type: ignore[no-untyped-call]

    return Access(load)


def from_url(url: str, token_file: Path | None = None, ca_file: Path | None = None) -> Access:
    """An address with a file that holds the token. Without a token we are anonymous."""

    async def load(into: Configuration) -> None:
        into.host = url.rstrip("/")
        into.ssl_ca_cert = str(ca_file) if ca_file else None
        if token_file:
            token = token_file.read_text()  # noqa: ASYNC240 - a small file in memory, once a minute
            into.api_key["BearerToken"] = f"Bearer {token.strip()}"

    return Access(load)


def tls_context(configuration: Configuration) -> ssl.SSLContext:
    """What the configuration says of certificates. Raises Denied: a file of it cannot be used."""
    try:
        context = ssl.create_default_context(
            cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data
        )
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    except OSError as error:
        raise Denied("A certificate of the Kubernetes configuration cannot be used.") from error
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
