"""A log feed without a cluster: a program that plays a script, one answer for each request.

    python -m tests.cli_logs.feed_server SCRIPT [--port PORT]

The script is JSON: `records` (what the trace's lines say), and `answers`, of which the last one repeats:

    {"status": 404, "retry_after": 1}                     a refusal, as an RFC 9457 problem
    {"first": [event...], "lines": 5, "then": "cut"}      events, five more lines, and a torn connection
    {"retry": 50}                                         also: milliseconds for an EventSource's next try

`then`: `cut` (reset in the middle of the next event), `close` (a clean end without a word), `hold`
(heartbeats until the client leaves), `exit` (the program dies), or the data of an `end` event. Lines go on
after the request's cursor; a request's `max_lines` is obeyed. `GET /fake/requests` tells what was asked.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import struct
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from crossover.errors import TABLE, CrossoverError, problem
from tests.patience import PATIENCE

Json = dict[str, Any]

HEARTBEAT = 0.05
BATCH = 3
"""Lines per event."""


class Script:
    """What to answer next, and what was asked so far."""

    def __init__(self, path: Path) -> None:
        content: Json = json.loads(path.read_text())
        self.records: list[Json] = [record_of(each, seq) for seq, each in enumerate(content["records"], 1)]
        self.answers: list[Json] = content["answers"]
        self.requests: list[Json] = []
        self._lock = threading.Lock()

    def next(self, request: Json) -> Json:
        with self._lock:
            self.requests.append(request)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def record_of(given: str | Json, seq: int) -> Json:
    """A record of the feed; only what matters to a test is given."""
    fields: Json = {"msg": given} if isinstance(given, str) else given
    usual: Json = {"ts": f"2026-11-21T02:11:{seq % 60:02d}.000000000Z", "source": "argo", "container": "main"}
    usual |= {"node": {"id": "wf-7-1", "name": "extract"}, "pod": "wf-7-extract-1", "stream": "stdout"}
    return {**usual, **fields, "seq": seq}


def frame(event: str, data: object, cursor: int) -> bytes:
    return f"event: {event}\ndata: {json.dumps(data)}\nid: c{cursor}\n\n".encode()


class Handler(BaseHTTPRequestHandler):
    script: Script
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/fake/requests":
            return self._whole(200, "application/json", self.script.requests)
        query = parse_qs(parts.query)
        request = {"path": parts.path, "query": query, "headers": dict(self.headers), "at": time.monotonic()}
        answer = self.script.next(request)
        if "status" in answer:
            return self._refuse(answer)
        with suppress(OSError):
            self._feed(answer, query)
        self.close_connection = True
        return None

    def _refuse(self, answer: Json) -> None:
        status = answer["status"]
        kinds: list[type[CrossoverError]] = [kind for kind, row in TABLE.items() if row.status == status]
        body = problem(kinds[0]("No: " + kinds[0].__name__, field=answer.get("field")))
        self._whole(status, "application/problem+json", body, answer.get("retry_after"))

    def _whole(self, status: int, kind: str, body: object, retry_after: int | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(content)

    def _feed(self, answer: Json, query: dict[str, list[str]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        given = self.headers.get("Last-Event-ID") or (query.get("cursor") or ["c0"])[0]
        done = int(given.removeprefix("c") or 0)
        if "retry" in answer:
            self.wfile.write(f"retry: {answer['retry']}\n\n".encode())
        for event in answer.get("first", []):
            self.wfile.write(frame(event["event"], event["data"], done))
        last = min(done + answer.get("lines", len(self.script.records)), len(self.script.records))
        cap = done + int(query["max_lines"][0]) if "max_lines" in query else len(self.script.records) + 1
        while done < min(last, cap):
            upto = min(done + BATCH, last, cap)
            self.wfile.write(frame("log", self.script.records[done:upto], upto))
            done = upto
        self._then({"reason": "line_cap"} if done == cap else answer.get("then", "hold"), done)

    def _then(self, then: str | Json, done: int) -> None:
        if isinstance(then, dict):
            end = {"phase": None, "limit": None, "lines": done, "cursor": f"c{done}", **then}
            self.wfile.write(frame("end", end, done))
        elif then == "exit":
            os._exit(9)
        elif then == "hold":
            while True:
                self.wfile.write(b": heartbeat\n\n")
                time.sleep(HEARTBEAT)
        elif then == "cut":
            self.wfile.write(frame("log", self.script.records[done : done + BATCH], done + BATCH)[:-9])
            self._until_read()  # a reset overtakes what was sent before it
            time.sleep(HEARTBEAT)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _until_read(self) -> None:
        """The client, which is on this machine, has read all that was sent (proc(5), /proc/net/tcp)."""
        self.wfile.flush()
        ours, theirs = self.connection.getsockname()[1], self.connection.getpeername()[1]
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            ports = {(_port(row[1]), _port(row[2])): row[4].split(":") for row in rows}
            sent, read = ports.get((ours, theirs), ["0", ""])[0], ports.get((theirs, ours), ["", "0"])[1]
            if int(sent, 16) == int(read, 16) == 0:
                return
            time.sleep(0.01)


def _port(address: str) -> int:
    return int(address.partition(":")[2], 16)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("script", type=Path)
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    Handler.script = Script(arguments.script)
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
