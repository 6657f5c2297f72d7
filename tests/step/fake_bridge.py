"""A bridge without Temporal: a program that speaks the run API, and fails on request.

    python -m tests.step.fake_bridge --state FILE [--port PORT] [--cert FILE]

What a run does is its input (`Plan`), so a real workflow that reads the same plan can stand in for it. What
the transport does (lost replies, foreign pages, delays) comes from `POST /fake/faults`; `GET /fake/state`
tells what was asked. State lives in a file: killed and started again, it still knows its runs, as the real
bridge does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from crossover.contract.durations import parse_duration
from crossover.contract.run import ArgoNode, Scope, fingerprint, run_id
from crossover.errors import (
    CrossoverError,
    Forbidden,
    InputConflict,
    InvalidField,
    NotFound,
    RunClosed,
    Unauthenticated,
    problem,
    row_of,
)

Json = dict[str, Any]
EMPTY: Json = {
    "runs": {},
    "starts": [],
    "requests": [],
    "faults": [],
    "release": None,
    "token": None,
    "variant": "legacy",
    "pins": {},
    "outcomes": [],
}


class Store:
    """The state and its file; one lock for all of it."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._path = path
        self.state: Json = {**EMPTY, **(json.loads(path.read_text()) if path.exists() else {})}

    def save(self) -> None:
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(self.state))
        temporary.replace(self._path)

    def take_fault(self, line: str) -> Json | None:
        """The first fault that this request line matches, used up by one."""
        for fault in self.state["faults"]:
            if fault.get("times", 1) > 0 and re.match(fault["on"], line):
                if fault.get("skip", 0) > 0:
                    fault["skip"] -= 1
                    continue
                fault["times"] = fault.get("times", 1) - 1
                return dict(fault)
        return None


def start(state: Json, body: Json, key: str) -> tuple[int, str]:
    """Start or attach: (201 | 200, run id)."""
    if not isinstance(body.get("input"), dict):
        raise InvalidField("The input must be an object.", field="input")
    if body.get("app") == "forbidden":
        raise Forbidden("This tenant may not run this app.")
    work = fingerprint(str(body.get("workflow_type")), str(body.get("task_queue")), body["input"])
    identity = run_id("test", ArgoNode(**body["argo"]), Scope(body.get("scope", "node")))
    run = state["runs"].get(identity)
    if run is not None:
        if run["work"] != work:
            raise InputConflict("The run exists with other input.")
        failed = view_of(identity, run, time.time())["phase"] in ("Failed", "Error")
        if not failed or key in run["keys"]:
            run["keys"].append(key)
            return 200, identity
    state["starts"].append({"id": identity, "key": key})
    state["runs"][identity] = {
        "body": body,
        "work": work,
        "keys": [key],
        "at": time.time(),
        "cancelled": None,
    }
    return 201, identity


def decide(state: Json, body: Json) -> Json:
    """What was decided for the node before, else `variant` as the test set it."""
    argo = {key: body["argo"][key] for key in ("namespace", "workflow", "uid", "node_name")}
    flag = body.get("flag", "enable_crossover")
    context = {key: body[key] for key in ("app", "connector", "environment") if key in body}
    decision = {
        "flag": flag,
        "value": state["variant"] == "crossover",
        "variant": state["variant"],
        "reason": "TARGETING_MATCH",
        "rule": f"flags.{flag}.allow[0]",
        "config_version": 7,
        "stale": False,
        "note": "",
        "context": context | {"tenant": "test"},
        "argo": argo,
        "trace_id": body.get("trace_id", argo["workflow"]),
        "decided_at": "2026-01-31T12:00:00+00:00",
    }
    key = "/".join((flag, argo["uid"], argo["node_name"]))
    kept: Json = state["pins"].setdefault(key, decision)
    return kept | {"pinned": "shared"}


def differences(body: Json) -> list[str] | None:
    """Where shadow's outputs differ from legacy's; None when nothing can be compared."""
    if body["side"] != "shadow" or not {"outputs", "compare_with"} <= body.keys():
        return None
    return [] if body["outputs"] == body["compare_with"] else ["(the whole): they differ"]


def view_of(identity: str, run: Json, now: float) -> Json:
    """A run's view at a point in time: its plan, played."""
    body, plan, age = run["body"], run["body"]["input"], now - run["at"]
    view: Json = {
        "id": identity,
        "phase": "Running",
        "message": "",
        "exit_code": None,
        "argo": body["argo"],
        "outputs": None,
        "progress": _progress(plan, age),
        "pending_activities": [],
        "problems": [],
        "failure": None,
        "started_at": _time(run["at"]),
        "closed_at": None,
        "decision": body.get("decision"),
        "cancel_requested": run["cancelled"] is not None,
        "links": {"self": None, "temporal": f"http://temporal.test/{identity}", "argo": None, "logs": None},
    }
    for at, patch in plan.get("timeline", []):
        if age >= at:
            view |= patch
    view |= _ending(run, plan, age, now)
    if view["exit_code"] is not None:
        view["closed_at"] = _time(run["at"] + plan.get("seconds", 0))
    return view | {"revision": hashlib.sha256(json.dumps(view).encode()).hexdigest()[:12]}


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _progress(plan: Json, age: float) -> str | None:
    steps = plan.get("progress", [])
    share = min(1.0, age / max(0.001, plan.get("seconds", 0)))
    return steps[min(len(steps) - 1, int(share * len(steps)))] if steps else None


def _ending(run: Json, plan: Json, age: float, now: float) -> Json:
    if run["cancelled"] is not None and now - run["cancelled"] >= plan.get("cancel_takes", 0):
        code = 143 if run["body"].get("on_cancel") == "terminate" else 130
        return {"phase": "Failed", "message": "The run was cancelled.", "exit_code": code}
    if age >= run["body"].get("execution_timeout", 3600.0):
        return {"phase": "Failed", "message": "The run timed out.", "exit_code": 124}
    if age < plan.get("seconds", 0):
        return {}
    if "fail" in plan:
        return {"phase": "Failed", "message": "The workflow failed.", "exit_code": 1, **plan["fail"]}
    return {
        "phase": "Succeeded",
        "message": "The workflow completed.",
        "exit_code": 0,
        "outputs": _outputs(run),
    }


def _outputs(run: Json) -> Json:
    result = run["body"]["input"].get("result")
    declared = run["body"].get("outputs")
    if declared is None:
        found = dict(result) if isinstance(result, dict) else {}
    else:
        found = {name: _pointed(result, pointer) for name, pointer in declared.items()}
    texts = {n: v if isinstance(v, str) else json.dumps(v) for n, v in found.items() if v is not None}
    return {"parameters": texts, "result": result}


def _pointed(result: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        result = result.get(part) if isinstance(result, dict) else None
    return result


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """The journal is in the state; standard output is for the port."""

    def _serve(self) -> None:
        with suppress(ConnectionError):  # a step may leave before its answer comes
            self._handle()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        if url.path.startswith("/fake/"):
            return self._send(200, self._control(url.path, body))
        with self.store.lock:
            fault = self.store.take_fault(f"{self.command} {self.path}") or {}
            self._note(body)
        time.sleep(fault.get("delay", 0))
        if fault.get("drop") == "before":
            return self._cut()
        if "reply" in fault:
            reply = fault["reply"]
            return self._send(reply["status"], reply.get("body", ""), reply.get("headers", {}))
        status, content = self._answer(unquote(url.path), parse_qs(url.query), body)
        if fault.get("drop") == "after":
            return self._cut()
        return self._send(status, content, cut=fault.get("drop") == "mid-body")

    def _answer(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Json]:
        try:
            self._authenticate()
            return self._route(path, query, json.loads(body) if body else {})
        except CrossoverError as error:
            return row_of(error).status, problem(error)

    def _authenticate(self) -> None:
        token = self.store.state["token"]
        if token is not None and self.headers.get("Authorization") != f"Bearer {token}":
            raise Unauthenticated("The token is not known.")

    def _route(self, path: str, query: dict[str, list[str]], body: Json) -> tuple[int, Json]:
        if (self.command, path) == ("POST", "/v1/runs"):
            with self.store.lock:
                status, identity = start(self.store.state, body, self.headers["Idempotency-Key"])
                self.store.save()
                return status, self._view(identity)
        if (self.command, path) == ("POST", "/v1/decisions"):
            with self.store.lock:
                answer = decide(self.store.state, body)
                self.store.save()
                return 200, answer
        if (self.command, path) == ("POST", "/v1/outcomes"):
            with self.store.lock:
                self.store.state["outcomes"].append(body)
                self.store.save()
                return 202, {"differences": differences(body), "compared": differences(body) is not None}
        identity = path.removeprefix("/v1/runs/")
        if self.command == "GET":
            return 200, self._wait(identity, query)
        identity, verb = identity.rsplit("/", 1)
        return self._act(identity, verb, body)

    def _act(self, identity: str, verb: str, body: Json) -> tuple[int, Json]:
        with self.store.lock:
            view = self._view(identity)
            release = self.store.state["release"] or {"action": "detach", "reason": "Argo did not stop it."}
            if verb == "cancel" and view["exit_code"] is not None:
                raise RunClosed("The run is over.")
            if verb == "cancel" or release["action"] == "cancel":
                self.store.state["runs"][identity]["cancelled"] = time.time()
                self.store.save()
            return (202, self._view(identity)) if verb == "cancel" else (200, release)

    def _wait(self, identity: str, query: dict[str, list[str]]) -> Json:
        until = time.time() + parse_duration(query.get("wait", ["0"])[0])
        known = query.get("revision", [""])[0]
        while True:
            view = self._view(identity)
            if view["exit_code"] is not None or view["revision"] != known or time.time() >= until:
                return view
            time.sleep(0.01)

    def _view(self, identity: str) -> Json:
        with self.store.lock:
            run = self.store.state["runs"].get(identity)
            if run is None:
                raise NotFound("There is no such run.")
            return view_of(identity, run, time.time())

    def _control(self, path: str, body: bytes) -> Json:
        """`POST /fake/faults` adds one; `POST /fake/set` changes keys; `GET /fake/state` tells all."""
        with self.store.lock:
            if path == "/fake/faults":
                self.store.state["faults"].append(json.loads(body))
            elif path == "/fake/set":
                self.store.state |= json.loads(body)
            self.store.save()
            state: Json = self.store.state
            return state

    def _note(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = {
            "method": self.command,
            "path": self.path,
            "headers": headers,
            "body": body.decode(),
            "port": self.client_address[1],
        }
        self.store.state["requests"].append(request)
        self.store.save()

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, status: int, content: Json | str, headers: Json | None = None, cut: bool = False) -> None:
        body = (content if isinstance(content, str) else json.dumps(content)).encode("utf-8", "surrogatepass")
        self.send_response(status)
        kind = "application/problem+json" if status >= 400 else "application/json"
        for name, value in ({"Content-Type": kind} | (headers or {})).items():
            self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self._cut()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert", type=Path, help="certificate and key in PEM form; without it, plain HTTP")
    options = parser.parse_args()
    Handler.store = Store(options.state)
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    if options.cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
