"""How the Kubernetes API is reached and who we are there."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crossover.kubernetes.errors import Denied

IN_CLUSTER = "in-cluster"
"""Names the API server of the cluster in which we run."""

READ_AGAIN = 60.0
"""Seconds that credentials are used for until they are read again: the kubelet replaces tokens hourly, well
before they expire."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What we use of kubernetes.aio's, by its names.

    Args:
        authorization: the header that says who we are; None: we are anonymous.
    """

    host: str
    authorization: str | None = None
    ssl_ca_cert: str | None = None
    ca_cert_data: str | bytes | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify_ssl: bool = True
    tls_server_name: str | None = None
    proxy: str | None = None


Loader = Callable[[], Awaitable[Configuration]]
"""Reads all anew, so that replaced files count. Raises OSError or ValueError."""


class Access:
    """The API's address, and credentials that are never older than a minute."""

    def __init__(self, load: Loader) -> None:
        self._load = load
        self._configuration: Configuration | None = None
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def configuration(self) -> Configuration:
        """Raises Denied: there is no usable configuration."""
        async with self._reading:
            known = self._configuration
            if known is None or self._read_at is None or time.monotonic() - self._read_at > READ_AGAIN:
                known = await self._read()
        return known

    async def headers(self) -> dict[str, str]:
        """Those that say who we are. Raises Denied."""
        authorization = (await self.configuration()).authorization
        return {"Authorization": authorization} if authorization else {}

    async def forget(self, headers: dict[str, str]) -> bool:
        """The API does not know these credentials: whether there are others now."""
        self._read_at = None
        return await self.headers() != headers

    async def _read(self) -> Configuration:
        try:
            fresh = await self._load()
        except (OSError, ValueError) as error:
            raise Denied("The Kubernetes configuration cannot be read.") from error
        self._configuration, self._read_at = fresh, time.monotonic()
        return fresh


def open_access(
    where: str, environ: Mapping[str, str], *, token_file: Path | None = None, ca_file: Path | None = None
) -> Access:
    """How settings say it.

    Args:
        where: `in-cluster`, an API server's URL, or the path of a kubeconfig.
        environ: of the pod.
        token_file, ca_file: for a URL.
    """
    if where == IN_CLUSTER:
        return in_cluster(environ)
    if where.startswith(("http://", "https://")):
        return from_url(where, token_file, ca_file)
    return from_kubeconfig(Path(where))


def from_kubeconfig(path: Path | None = None, context: str | None = None) -> Access:
    """A kubeconfig file as kubectl's: certificates, tokens, token files, OIDC, programs that give tokens."""

    async def load() -> Configuration:
        # Kubernetes' library is 10 MB and 150 ms, and nothing else needs it.
        from crossover.kubernetes.kubeconfig import read_kubeconfig

        return await read_kubeconfig(path, context)

    return Access(load)


def in_cluster(
    environ: Mapping[str, str], folder: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")
) -> Access:
    """The service account of the pod in which we run; the API's address is in the pod's environment
    (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/)."""

    async def load() -> Configuration:
        host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
        if not host or not port:
            raise ValueError(
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod"
            )
        address = f"[{host}]" if ":" in host else host
        return Configuration(
            f"https://{address}:{port}", _bearer(folder / "token"), ssl_ca_cert=str(folder / "ca.crt")
        )

    return Access(load)


def from_url(url: str, token_file: Path | None = None, ca_file: Path | None = None) -> Access:
    """An address with a file that holds the token. Without a token we are anonymous."""

    async def load() -> Configuration:
        authorization = _bearer(token_file) if token_file else None
        return Configuration(url.rstrip("/"), authorization, ssl_ca_cert=str(ca_file) if ca_file else None)

    return Access(load)


def _bearer(file: Path) -> str:
    """A small file in memory, once a minute. Raises OSError or ValueError."""
    token = file.read_text().strip()
    if not token:
        raise ValueError(f"{file} is empty")
    return f"Bearer {token}"


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
