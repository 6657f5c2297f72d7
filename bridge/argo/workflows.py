"""Reads Argo workflows: from the Argo Server, or from the Kubernetes API that stores them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from crossover.contract.run import ArgoNode
from crossover.errors import Unavailable, cut
from crossover.identity.token_file import read_token
from crossover.telemetry import get_logger

_log = get_logger(__name__)

TIMEOUT = 5.0
"""Seconds. A terminating pod has 30 in all, and the step's decision hangs on this answer."""


class ArgoWorkflows:
    """One GET per question; `path` is the API's own for a namespaced workflow."""

    def __init__(self, client: httpx.AsyncClient, path: str, token_file: Path | None) -> None:
        self._client = client
        self._path = path
        self._token_file = token_file

    async def get(self, node: ArgoNode) -> Mapping[str, Any] | None:
        """The node's Workflow, None when it does not exist. Raises Unavailable."""
        path = self._path.format(namespace=quote(node.namespace), name=quote(node.workflow))
        try:
            reply = await self._client.get(path, headers=self._headers())
            if reply.status_code == httpx.codes.NOT_FOUND:
                return None
            reply.raise_for_status()
            workflow: Mapping[str, Any] = reply.json()
        except (httpx.HTTPError, ValueError, OSError) as error:
            # Callers learn the kind only; addresses and files are the operator's business.
            _log.warning("argo cannot be asked", namespace=node.namespace, reason=cut(str(error)))
            kind = type(error).__name__
            raise Unavailable(
                f"Argo cannot be asked about the workflow ({_status(error) or kind}).", retry_after=1
            ) from error
        return workflow

    async def close(self) -> None:
        await self._client.aclose()

    def _headers(self) -> dict[str, str]:
        """Read each time: projected tokens rotate."""
        if self._token_file is None:
            return {}
        return {"Authorization": f"Bearer {read_token(self._token_file)}"}


def _status(error: Exception) -> str:
    return f"it answers {error.response.status_code}" if isinstance(error, httpx.HTTPStatusError) else ""


def from_argo_server(url: str, token_file: Path | None, ca_file: Path | None) -> ArgoWorkflows:
    return ArgoWorkflows(_client(url, ca_file), "/api/v1/workflows/{namespace}/{name}", token_file)


def from_kubernetes(url: str, token_file: Path | None, ca_file: Path | None) -> ArgoWorkflows:
    path = "/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows/{name}"
    return ArgoWorkflows(_client(url, ca_file), path, token_file)


def _client(url: str, ca_file: Path | None) -> httpx.AsyncClient:
    verify = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT, verify=verify, follow_redirects=False)
