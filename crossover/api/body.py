"""Request bodies: plain JSON within a limit, refused while they stream in."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from crossover.errors import BodyTooLarge, InvalidRequest, UnsupportedMedia
from crossover.strict_json import parse_json

PATIENCE = 8
"""How many times the limit is read, and dropped, before a client is cut off."""


async def read_object(request: Request, *, limit: int, optional: bool = False) -> dict[str, Any]:
    """The body as a JSON object; an absent one is `{}` where `optional`.

    Raises:
        UnsupportedMedia: not JSON by its header, or compressed.
        BodyTooLarge: more than `limit` bytes, by its header or while reading.
        InvalidRequest, InvalidField: see `parse_json`; also when it is no object.
    """
    body = await read_bytes(request, limit)
    if not body and optional:
        return {}
    _check_headers(request)
    value = parse_json(body)
    if not isinstance(value, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return value


def _check_headers(request: Request) -> None:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMedia("Send the body uncompressed: a small one could unfold to gigabytes here.")
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMedia("Send the body as `Content-Type: application/json`.")


async def read_bytes(request: Request, limit: int) -> bytes:
    """The body as it is. A little more than `limit` bytes is read and dropped: a client that is cut off in
    the middle of its upload sees a reset connection instead of our answer.

    Raises:
        BodyTooLarge: more than `limit` bytes, by its header or while reading.
        InvalidRequest: the client hung up.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit * PATIENCE:
        raise _too_large(limit)
    body, seen = bytearray(), 0
    try:
        async for chunk in request.stream():
            seen += len(chunk)
            if seen > limit * PATIENCE:
                break
            if seen <= limit:
                body += chunk
    except ClientDisconnect:
        raise InvalidRequest("The client hung up before its request was complete.") from None
    if seen > limit:
        raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"The body is larger than {limit} bytes: write large input to storage and pass a reference."
    )
