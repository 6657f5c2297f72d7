"""What HTTP answers mean to a feed."""

from __future__ import annotations

import json

import httpx

from log_streamer.sources.source import Away, Denied, Gone, NotReady, SourceError

_LONGEST_DETAIL = 300


async def ok(reply: httpx.Response, who: str) -> None:
    """Raises the SourceError of a reply that is none of success. `who` begins the sentence."""
    if reply.is_success:
        return
    try:
        said = _said(await reply.aread())
    except httpx.HTTPError:
        said = ""
    detail = f"{who} answered {reply.status_code}: {said or reply.reason_phrase}"
    match reply.status_code:
        case 401 | 403:
            raise Denied(detail)
        case 404 | 410:
            raise Gone(detail)
        case 400 if "waiting to start" in said or "ContainerCreating" in said:
            raise NotReady(detail)
        case 408 | 425 | 429:
            raise Away(detail, retry_after=_retry_after(reply))
        case status if status >= 500:
            raise Away(detail, retry_after=_retry_after(reply))
    raise SourceError(detail)


def _said(body: bytes) -> str:
    """The sentence of an error's body: Argo, Docker and Kubernetes call it `message`, RFC 9457 `detail`."""
    text = body.decode("utf-8", "replace").strip()
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        text = str(found.get("detail") or found.get("message") or found.get("title") or "")
    return text[:_LONGEST_DETAIL]


def failure(error: httpx.HTTPError, who: str) -> Away:
    """Of a request that got no answer, or only a part of one."""
    said = str(error) or type(error).__name__
    return Away(f"{who} does not answer: {said[:_LONGEST_DETAIL]}")


def _retry_after(reply: httpx.Response) -> float | None:
    """Whole seconds; the date that HTTP also allows is not sent by what we ask."""
    value = reply.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None
