"""The conversation with the bridge about one run: start, look, cancel, let go, through outages."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from crossover.cli.step.asking import Asking, Content, quick_outage
from crossover.cli.step.client import Client, Request
from crossover.cli.step.inbox import Inbox
from crossover.cli.step.outage import Outage
from crossover.cli.step.terminal import Terminal
from crossover.cli.step.view import View, read_view
from crossover.contract.names import IDEMPOTENCY_HEADER, RETRY_HEADER, TRACEPARENT

RUNS = "/v1/runs"

_T = TypeVar("_T")


class Release(NamedTuple):
    """The bridge's answer to a step whose pod goes away."""

    cancel: bool
    reason: str


class Session:
    """One step's requests. Each method raises Stopped, Refused, or OutageTooLong when its budget is spent.

    Args:
        body: the start request, the same bytes for every repeat.
        budget: seconds that one outage may last.
        request_timeout: seconds that a reply may take, beyond the time it was asked to wait.
    """

    def __init__(
        self,
        client: Client,
        inbox: Inbox,
        terminal: Terminal,
        body: bytes,
        traceparent: str | None,
        budget: float,
        request_timeout: float,
    ) -> None:
        self._client = client
        self._inbox = inbox
        self._body = body
        self._asking = Asking(client, inbox, terminal, request_timeout, Outage(budget))
        self._start_headers = {IDEMPOTENCY_HEADER: str(uuid.uuid4())}
        if traceparent is not None:
            self._start_headers[TRACEPARENT] = traceparent

    @property
    def has_sent(self) -> bool:
        """Whether a start may have reached the bridge."""
        return self._client.has_sent

    def hurry(self, seconds: float) -> None:
        """From now on everything has to be answered within `seconds`; attempts follow each other quickly."""
        self._asking.outage = quick_outage(seconds)

    def start(self) -> tuple[View, bool]:
        """The run, and whether it was there before this very request."""
        return self._asking.ask(
            self._start_request, lambda status, content: (read_view(content), status == 200)
        )

    def look(self, view: View, wait: float) -> View:
        """The run when it changed from `view` or closed, or after `wait` seconds."""
        question = urlencode({"wait": f"{wait:g}s", "revision": view.revision})

        def request() -> Request:
            # After an outage the first look asks for an answer at once: that ends the outage.
            away = self._asking.outage.began is not None
            return Request("GET", _path(view) if away else f"{_path(view)}?{question}", None, {})

        return self._asking.ask(request, _view, wait)

    def cancel(self, view: View, reason: str) -> View:
        """Ask for the run to be cancelled, as its `on_cancel` says."""
        return self._post(view, "cancel", {"reason": reason}, _view)

    def release(self, view: View, signal: str, deadline: str | None) -> Release:
        """Say that the pod goes away; the bridge knows whether Argo meant the run, too."""
        body = {"signal": signal} if deadline is None else {"signal": signal, "deadline": deadline}
        return self._post(view, "release", body, _release)

    def pause(self, seconds: float) -> None:
        self._inbox.sleep(seconds)

    def _start_request(self) -> Request:
        repeat = {RETRY_HEADER: "1"} if self._client.has_sent else {}
        return Request("POST", RUNS, self._body, self._start_headers | repeat)

    def _post(self, view: View, verb: str, body: dict[str, str], read: Callable[[int, Content], _T]) -> _T:
        content = json.dumps(body).encode()
        return self._asking.ask(lambda: Request("POST", f"{_path(view)}/{verb}", content, {}), read)


def _path(view: View) -> str:
    return f"{RUNS}/{quote(view.id, safe='/', errors='replace')}"


def _view(_status: int, content: Content) -> View:
    return read_view(content)


def _release(_status: int, content: Content) -> Release:
    return Release(content.get("action") == "cancel", str(content.get("reason") or ""))
