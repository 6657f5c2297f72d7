"""JSON documents of issuers, fetched within limits."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import orjson

TIMEOUT = 5.0
LARGEST = 262_144


class CannotFetch(Exception):
    """The text says what was asked for, and why there is none."""


def issuer_client() -> httpx.AsyncClient:
    """Trusts the system's certificate authorities: a company's own issuer often has the company's own."""
    return httpx.AsyncClient(
        verify=ssl.create_default_context(),
        timeout=TIMEOUT,
        limits=httpx.Limits(max_connections=8),
        follow_redirects=False,
        trust_env=False,
    )


async def fetch_object(client: httpx.AsyncClient, method: str, url: str, **options: Any) -> dict[str, Any]:
    """A JSON object. Raises CannotFetch."""
    try:
        async with client.stream(method, url, **options) as response:
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    raise CannotFetch(f"{url} answers with more than {LARGEST} bytes")
    except (httpx.HTTPError, OSError) as error:
        raise CannotFetch(f"{url}: {type(error).__name__}") from error
    return _object(url, response.status_code, body)


def _object(url: str, status: int, body: bytes) -> dict[str, Any]:
    if status != 200:
        raise CannotFetch(f"{url} answers {status}")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CannotFetch(f"{url} answers with no JSON") from error
    if not isinstance(found, dict):
        raise CannotFetch(f"{url} answers with no object")
    return found
