"""Waiting for a control plane, with a limit."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import httpx

from testbed.kubernetes.layout import LOOPBACK, Layout

READY_WITHIN = 120.0
"""Seconds: less than a test's limit. It takes two on an idle machine."""


class NotReady(Exception):
    """The control plane did not come up, and what its log says."""


async def until_ready(layout: Layout, alive: Callable[[], bool], *, within: float = READY_WITHIN) -> None:
    """Returns once the API server says that it is. Raises NotReady, early when `alive` says no."""
    try:
        async with asyncio.timeout(within):
            while not await is_ready(layout):
                if not alive():
                    raise NotReady(f"A program of the control plane has ended. {_said(layout)}")
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise NotReady(f"The control plane was not ready after {within:g} s. {_said(layout)}") from None


async def is_ready(layout: Layout) -> bool:
    with contextlib.suppress(OSError, httpx.HTTPError):  # also: the certificate is not there yet
        trusted = ssl.create_default_context(cafile=layout.ca_file)
        headers = {"Authorization": f"Bearer {layout.token}"}
        async with httpx.AsyncClient(verify=trusted, trust_env=False, timeout=5) as http:
            return (await http.get(f"{layout.url}/readyz", headers=headers)).status_code == 200
    return False


async def until_free(port: int, *, within: float = 60.0) -> None:
    """Returns once a server may listen on `port`. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while True:
            if _is_free(port):
                return
            await asyncio.sleep(0.05)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: they need not wait 60 s
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _said(layout: Layout) -> str:
    logs = [log for log in map(layout.log, ("etcd", "kube-apiserver")) if log.exists()]
    return "\n".join(f"{log}: {log_end(log)}" for log in logs)


def log_end(log: Path) -> str:
    """Its last lines."""
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-3:])[-1500:]
