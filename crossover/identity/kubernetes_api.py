"""Token reviews by the Kubernetes API server, over plain HTTP: one call needs no client library."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from crossover.errors import Unavailable
from crossover.identity.token_file import read_token
from crossover.telemetry import get_logger

_log = get_logger("crossover.identity")

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
TIMEOUT = 3.0
"""Seconds for one review: a request waits for it."""
RETRY_AFTER = 2.0


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What the API server says of a token.

    Args:
        audiences: those of the ones asked for that the token is made for.
    """

    authenticated: bool
    username: str
    audiences: tuple[str, ...]


class KubernetesApi:
    """Args:
        url: of the API server.
        token_file: our own service account's token, which the kubelet renews: it is read for each review.
        ca_file: CA of the server's certificate; None: the system's.
        timeout: seconds.

    Raises:
        OSError, ValueError: a file cannot be used; the text names it.
    """

    def __init__(
        self, url: str, token_file: Path | None, ca_file: Path | None, *, timeout: float = TIMEOUT
    ) -> None:
        for file in filter(None, (token_file, ca_file)):
            file.stat()  # ssl's own error would not name the file
        self._token_file = token_file
        self._client = httpx.AsyncClient(
            base_url=url,
            verify=_tls(ca_file if url.startswith("https:") else None),
            timeout=timeout,
            limits=httpx.Limits(max_connections=16),
            follow_redirects=False,
            trust_env=False,
        )

    async def review(self, token: str, audience: str) -> Reviewed:
        """Raises Unavailable when the API server cannot be asked, or does not let us ask."""
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [audience]},
        }
        try:
            response = await self._client.post(REVIEWS, json=body, headers=self._headers())
            if response.status_code not in (200, 201):
                raise _away(f"it answers {response.status_code}")
            return _reviewed(response.json()["status"])
        except (httpx.HTTPError, OSError) as error:
            # Callers learn the kind only; certificates and addresses are the operator's business.
            _log.warning("token reviews fail", reason=str(error) or type(error).__name__)
            raise _away(type(error).__name__) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _away("its answer is no TokenReview") from error

    async def aclose(self) -> None:
        await self._client.aclose()

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        return {"Authorization": f"Bearer {read_token(self._token_file)}"}


def _reviewed(status: dict[str, Any]) -> Reviewed:
    """The user's groups and `extra` (the pod that a token is bound to) play no part here."""
    audiences = status.get("audiences") or []
    user = status.get("user") or {}
    return Reviewed(
        status.get("authenticated") is True,
        str(user.get("username", "")),
        tuple(each for each in audiences if isinstance(each, str)),
    )


def _away(why: str) -> Unavailable:
    return Unavailable(
        f"The Kubernetes API server cannot review tokens now ({why}): ask again.", retry_after=RETRY_AFTER
    )


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise ValueError(f"{ca_file} is no CA certificate: {error}") from None
