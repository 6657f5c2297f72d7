"""The bridge, as the sidecar asks it: kept connections, each used by one thread at a time.

http.client on threads does six times the exchanges per second of CPU that an asyncio client with all the
comforts does, and needs no import that a step pod does not have.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Mapping
from typing import NamedTuple

from crossover import __version__
from crossover.cli.plugin.settings import Settings
from crossover.cli.step.credentials import CredentialError, read_certificates, read_token

REPLY_LIMIT = 4 << 20
"""Bytes. Outputs of a node are 256 KiB at most."""

_CLOSED = (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Answer(NamedTuple):
    status: int
    media_type: str
    retry_after: str
    body: bytes


class Unreachable(Exception):
    """No whole answer came; the text says why, and holds nothing of the request."""


class Call:
    """One question, which whoever waits for its answer may give up."""

    def __init__(self) -> None:
        self._connection: http.client.HTTPConnection | None = None
        self.given_up = False

    def goes_by(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def give_up(self) -> None:
        """Ends its thread's wait. A socket's own limit is for each read: an answer that drips never ends."""
        self.given_up = True
        found = None if self._connection is None else self._connection.sock
        if found is not None:
            with contextlib.suppress(OSError):
                # Of the socket below TLS, whose state is the thread's.
                socket.socket.shutdown(found, socket.SHUT_RDWR)


class Bridge:
    """Called from many threads at once. Connections beyond the busy ones are kept for the next call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._trusted = read_certificates(settings.ca_file) if settings.endpoint.tls else None
        self._kept: list[http.client.HTTPConnection] = []

    def post(self, call: Call, path: str, body: bytes, headers: Mapping[str, str], limit: float) -> Answer:
        """`limit`: seconds for each step of the exchange. Raises Unreachable."""
        sent = {**self._headers(), **headers}
        try:
            while self._kept and not call.given_up:
                try:
                    return self._exchange(call, self._kept.pop(), path, body, sent, limit)
                except _CLOSED:
                    # The other side had closed it meanwhile; repeats start no second run.
                    continue
                except IndexError:
                    break
            if call.given_up:
                raise Unreachable("no answer in time")
            return self._exchange(call, self._connection(limit), path, body, sent, limit)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(_reason(error)) from error

    def _exchange(
        self,
        call: Call,
        connection: http.client.HTTPConnection,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        limit: float,
    ) -> Answer:
        call.goes_by(connection)
        try:
            if connection.sock is not None:
                connection.sock.settimeout(limit)
            connection.request("POST", self._settings.endpoint.prefix + path, body, headers)
            response = connection.getresponse()
            content = response.read(REPLY_LIMIT)
            if response.length or not response.isclosed():
                # read() with a limit reports neither a cut nor an endless reply by itself.
                raise http.client.IncompleteRead(b"", response.length)
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._kept.append(connection)
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Answer(response.status, media_type, response.headers.get("retry-after", ""), content)

    def _connection(self, limit: float) -> http.client.HTTPConnection:
        endpoint = self._settings.endpoint
        if self._trusted is None:
            return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=limit)
        return http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=limit, context=self._trusted)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": f"crossover-plugin/{__version__}"}
        if (token := self._token()) is not None:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _token(self) -> str | None:
        if self._settings.token is not None or self._settings.token_file is None:
            return self._settings.token
        try:
            return read_token(self._settings.token_file)
        except CredentialError as error:
            raise Unreachable(str(error)) from None


def _reason(error: Exception) -> str:
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case TimeoutError():
            return "no answer in time"
        case http.client.RemoteDisconnected() | http.client.IncompleteRead() | ConnectionError():
            return "the connection was closed before the whole answer was there"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return "it does not answer in HTTP"
