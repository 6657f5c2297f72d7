"""One HTTP exchange at a time with the bridge, each on a thread of its own, over one kept connection.

A thread per exchange keeps the main thread free for signals, and gives every exchange one limit for all of
it: looking up the name, connecting, and a reply that trickles in byte by byte.
"""

from __future__ import annotations

import http.client
import signal
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import NamedTuple

from crossover import __version__
from crossover.cli.step.credentials import CredentialError, read_certificates, read_token
from crossover.cli.step.inbox import Inbox
from crossover.cli.step.values import Access

CONNECT_TIMEOUT = 10.0
REPLY_LIMIT = 64 * 1024 * 1024
"""Bytes of a reply that are read at most: far above Temporal's own limits on results."""

_CLOSED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Request(NamedTuple):
    method: str
    path: str
    body: bytes | None
    headers: dict[str, str]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Unreachable(Exception):
    """No whole reply came. Whether the bridge acted on the request is not known."""


class Client:
    """Speaks to the bridge. `has_sent` says whether any request may ever have reached it."""

    def __init__(self, access: Access, inbox: Inbox) -> None:
        self._endpoint = access.endpoint
        self._token_file = access.token_file
        self._ca_file = access.ca_file
        self._inbox = inbox
        self._kept: http.client.HTTPConnection | None = None
        self.has_sent = False

    def call(self, request: Request, limit: float) -> Reply:
        """The reply, within `limit` seconds. Raises Unreachable, and Stopped when a signal comes first."""
        until = time.monotonic() + limit
        reused = self._kept is not None
        try:
            return self._exchange(request, until)
        except Unreachable as error:
            # A kept connection that the other side had closed in the meantime is no outage.
            if not reused or not isinstance(error.__cause__, _CLOSED):
                raise
        return self._exchange(request, until)

    def close(self) -> None:
        """Let go of the kept connection."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _exchange(self, request: Request, until: float) -> Reply:
        request = self._addressed(request)
        exchange = _Exchange(request, self._connection(until), self._inbox, until)
        exchange.start()
        try:
            while not exchange.done:
                if self._inbox.take(until - time.monotonic()) is None:
                    raise Unreachable("it did not answer in time")
        finally:
            self.has_sent |= exchange.close_unless_done()
        if exchange.reply is None:
            raise Unreachable(_reason(exchange.error)) from exchange.error
        if exchange.keep:
            self._kept = exchange.connection
        return exchange.reply

    def _addressed(self, request: Request) -> Request:
        headers = {
            "User-Agent": f"crossover-step/{__version__}",
            "Accept": "application/json",
            **request.headers,
        }
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if self._token_file is not None:
            try:
                headers["Authorization"] = f"Bearer {read_token(self._token_file)}"
            except CredentialError as error:
                raise Unreachable(str(error)) from None
        return request._replace(headers=headers, path=self._endpoint.prefix + request.path)

    def _connection(self, until: float) -> http.client.HTTPConnection:
        kept, self._kept = self._kept, None
        if kept is not None:
            return kept
        host, port = self._endpoint.host, self._endpoint.port
        timeout = max(0.1, min(CONNECT_TIMEOUT, until - time.monotonic()))
        if self._endpoint.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            trusted = read_certificates(self._ca_file)
        except CredentialError as error:
            raise Unreachable(str(error)) from None
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=trusted)


class _Exchange:
    """One request and what came of it. The lock decides whether it was sent before it was given up."""

    def __init__(
        self, request: Request, connection: http.client.HTTPConnection, inbox: Inbox, until: float
    ) -> None:
        self.connection = connection
        self.reply: Reply | None = None
        self.error: Exception | None = None
        self.done = False
        self.keep = False
        self._request = request
        self._inbox = inbox
        self._until = until
        self._lock = threading.Lock()
        self._sent = False
        self._given_up = False

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def close_unless_done(self) -> bool:
        """Give up what is still under way. Returns whether the request may have been sent."""
        with self._lock:
            self._given_up = not self.done
            if self._given_up and (sock := self.connection.sock) is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            return self._sent

    def _run(self) -> None:
        # Signals are for the main thread: only there do they interrupt a wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
        try:
            self.reply = self._talk()
        except Exception as error:  # the main thread judges it
            self.error = error
        if not self.keep:
            self.connection.close()
        self.done = True
        self._inbox.put(self)

    def _talk(self) -> Reply | None:
        if self.connection.sock is None:
            self.connection.connect()
        self.connection.sock.settimeout(max(0.1, self._until - time.monotonic()))
        with self._lock:
            if self._given_up:
                return None
            self._sent = True
        method, path, body, headers = self._request
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        content = response.read(REPLY_LIMIT)
        if response.length or not response.isclosed():
            # read() with a limit reports neither a cut nor an endless reply by itself.
            raise http.client.IncompleteRead(b"", response.length)
        self.keep = not response.will_close
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def _reason(error: Exception | None) -> str:
    """Why there is no reply, in words that hold nothing of the request."""
    match error:
        case http.client.RemoteDisconnected() | http.client.IncompleteRead() | ConnectionResetError():
            return "it closed the connection before the whole reply was there"
        case ConnectionRefusedError():
            return "connection refused"
        case TimeoutError():
            return "it did not answer in time"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case OSError():
            return error.strerror or type(error).__name__
        case http.client.HTTPException():
            return "it does not answer in HTTP"
        case _:
            return f"unexpected {type(error).__name__}"
