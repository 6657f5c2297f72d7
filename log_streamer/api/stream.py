"""A stream to one viewer, from its slots to its last byte."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing

import structlog
from sse_starlette import EventSourceResponse
from sse_starlette.sse import SendTimeoutError
from starlette.types import Receive, Scope, Send

from crossover.api.caller import still_valid
from crossover.identity import Principal
from crossover.telemetry import get_logger
from log_streamer.api.context import Context
from log_streamer.api.formats import Compression, encoder
from log_streamer.api.parameters import MEDIA_TYPES, Wanted
from log_streamer.feed.feed import Feed
from log_streamer.feed.frames import EndFrame
from log_streamer.feed.place import FRAME_RECORDS, Place
from log_streamer.feed.viewer import Limits, Viewer

FAREWELL = 3.0
"""Seconds for a stream to end whole at a shutdown, which it is told of at once."""

_log = get_logger(__name__)


class Stream:
    """Args:
    stack: what the stream holds (slots, feed); closed when it is over, however it ends.
    token: the viewer's, looked at again and again.
    """

    def __init__(
        self,
        context: Context,
        wanted: Wanted,
        feed: Feed,
        stack: AsyncExitStack,
        principal: Principal,
        token: str | None,
    ) -> None:
        self._context = context
        self._wanted = wanted
        self._feed = feed
        self._stack = stack
        self._principal = principal
        self._token = token

    def response(self, compression: Compression | None) -> EventSourceResponse:
        headers: dict[str, str] = {"X-Content-Type-Options": "nosniff"}
        if compression is not None:
            headers |= {"Content-Encoding": compression.name, "Vary": "Accept-Encoding"}
        return _Response(
            self._bytes(compression),
            headers,
            MEDIA_TYPES[self._wanted.format],
            self._context.settings.send_timeout,
        )

    async def _bytes(self, compression: Compression | None) -> AsyncGenerator[bytes, None]:
        """The whole response. Whoever closes it gives everything back."""
        context, wanted = self._context, self._wanted
        log = _log.bind(trace_id=wanted.trace_id, tenant=self._principal.tenant, viewer=self._principal.name)
        reason = "hung_up"
        async with self._stack:
            encode = encoder(wanted.format, batch=wanted.batch)
            viewer = self._viewer()
            log.info("stream opened", follow=wanted.follow, format=wanted.format.value)
            try:
                async with aclosing(viewer.follow() if wanted.follow else viewer.download()) as frames:
                    async for frame in frames:
                        if isinstance(frame, EndFrame):
                            reason = frame.reason.value
                        data = encode(frame)
                        if compression is not None:
                            data = compression.add(data)
                        if data:
                            yield data
                if compression is not None:
                    yield compression.end()
            finally:
                context.metrics.ended(reason)
                log.info("stream closed", reason=reason, lines=viewer.sent)

    def _viewer(self) -> Viewer:
        wanted, limits = self._wanted, self._limits()
        frame = 1 if wanted.batch else FRAME_RECORDS
        return Viewer(
            self._feed,
            Place(wanted.cursor, wanted.filter, limits.lines, frame=frame),
            limits,
            tail=wanted.tail,
            may_watch=lambda: still_valid(self._context.authenticator, self._token, self._principal),
            closing=lambda: self._context.feeds.closing,
        )

    def _limits(self) -> Limits:
        """The server's, or the viewer's own where those are lower; an end names whose it was."""
        limits, wanted = self._context.settings.limits(), self._wanted
        own: dict[str, object] = {}
        if wanted.max_lines is not None and wanted.max_lines < limits.lines:
            own |= {"lines": wanted.max_lines, "lines_name": "max_lines"}
        if wanted.timeout is not None and wanted.timeout < limits.timeout:
            own |= {"timeout": wanted.timeout, "timeout_name": "timeout"}
        return replaced(limits, own)


def replaced(limits: Limits, own: Mapping[str, object]) -> Limits:
    from dataclasses import replace

    return replace(limits, **own)  # type: ignore[arg-type]


class _Response(EventSourceResponse):
    """Any of the formats. The library gives us the time limit of each send, and the end at a shutdown; the
    heartbeats are the feed's own, because they are of the format, too."""

    def __init__(
        self,
        content: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        media_type: str,
        send_timeout: float,
    ) -> None:
        self._content = content
        super().__init__(
            content,
            headers=headers,
            media_type=media_type,
            ping=0,
            send_timeout=send_timeout,
            shutdown_grace_period=FAREWELL,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            structlog.get_logger(__name__).info("a viewer took nothing any more, and was cut")
        finally:
            await self._content.aclose()
