"""Reads Argo workflows: from the Argo Server, or from the Kubernetes API that stores them."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson

from crossover.contract.run import ArgoNode
from crossover.errors import Unavailable, cut
from crossover.identity.token_file import read_token
from crossover.telemetry import get_logger

_log = get_logger(__name__)

TIMEOUT = 5.0
"""Seconds. A terminating pod has 30 in all, and the step's decision hangs on this answer."""

Workflow = Mapping[str, Any]

_NOT_FOUND = 5
"""gRPC's code, in the body of the Argo Server's 404."""


class Denied(Unavailable):
    """Argo refuses the bridge's own credential: an operator has to act."""


class ArgoWorkflows:
    """One call per question; `path` is the API's own for a namespaced workflow."""

    def __init__(self, client: httpx.AsyncClient, path: str, token_file: Path | None) -> None:
        self._client = client
        self._path = path
        self._token_file = token_file
        self._well = True

    async def get(self, node: ArgoNode) -> Workflow | None:
        """The node's Workflow, None when it does not exist. Raises Unavailable."""
        reply = await self.send("GET", node)
        return None if is_gone(reply) else self.workflow_of(reply, node)

    async def send(
        self, method: str, node: ArgoNode, suffix: str = "", body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Whatever the answer says. Raises Unavailable without one."""
        path = self._path.format(namespace=quote(node.namespace), name=quote(node.workflow)) + suffix
        try:
            return await self._client.request(method, path, headers=self._headers(), json=body)
        except (httpx.HTTPError, OSError) as error:
            raise self._trouble(node, type(error).__name__, str(error)) from error

    def workflow_of(self, reply: httpx.Response, node: ArgoNode) -> Workflow:
        """What an answer that should hold a Workflow holds. Raises Unavailable.

        Nothing else may pass: what is no Workflow would look like one that was replaced, and be cancelled.
        """
        if not reply.is_success:
            raise self._trouble(node, f"it answers {reply.status_code}", reply.text, reply.status_code)
        found = _object(reply)
        metadata = found.get("metadata")
        if not isinstance(metadata, Mapping) or not isinstance(metadata.get("uid"), str):
            raise self._trouble(node, "its answer is no workflow", reply.text)
        self._well = True
        return found

    async def close(self) -> None:
        await self._client.aclose()

    def _trouble(self, node: ArgoNode, kind: str, text: str, status: int = 0) -> Unavailable:
        """Callers learn the kind only; addresses and files are the operator's business. One line per outage:
        sweeps ask many times a second."""
        log = _log.warning if self._well else _log.debug
        log("argo cannot be asked", namespace=node.namespace, kind=kind, reason=cut(text))
        self._well = False
        if status in (401, 403):
            return Denied(f"Argo refuses the bridge's token ({status}).", retry_after=60)
        return Unavailable(f"Argo cannot be asked about the workflow ({kind}).", retry_after=1)

    def _headers(self) -> dict[str, str]:
        """Read each time: projected tokens rotate."""
        if self._token_file is None:
            return {}
        return {"Authorization": f"Bearer {read_token(self._token_file)}"}


def is_gone(reply: httpx.Response) -> bool:
    """Whether Argo or Kubernetes says that there is no such workflow.

    Also an ingress without backends answers 404, and means nothing by it.
    """
    if reply.status_code != httpx.codes.NOT_FOUND:
        return False
    said = _object(reply)
    return said.get("code") == _NOT_FOUND or said.get("reason") == "NotFound"


def _object(reply: httpx.Response) -> Mapping[str, Any]:
    try:
        found = orjson.loads(reply.content)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def said_by(reply: httpx.Response) -> str:
    """The message of the Argo Server's error, empty for what is none."""
    message = _object(reply).get("message")
    return cut(message) if isinstance(message, str) else ""


def from_kubernetes(url: str, token_file: Path | None, ca_file: Path | None) -> ArgoWorkflows:
    path = "/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows/{name}"
    return ArgoWorkflows(client_of(url, ca_file), path, token_file)


SERVER_PATH = "/api/v1/workflows/{namespace}/{name}"


def client_of(url: str, ca_file: Path | None) -> httpx.AsyncClient:
    verify = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT, verify=verify, follow_redirects=False)
