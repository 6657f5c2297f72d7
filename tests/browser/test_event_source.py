"""A browser's own EventSource against a scripted feed: what it does by itself, the feed must bear."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.chromium import watch_feed
from tests.cli_logs.programs import FeedServer, end, lines

Json = dict[str, Any]

PATH = "/v1/logs/wf-7"
STATE = {"event": "state", "data": {"kind": "node", "name": "load", "phase": "Running"}}
GAP = {"event": "gap", "data": {"source": "argo", "reason": "rotated", "detail": "The log was rotated."}}
# Without this a browser waits seconds before it comes back.
SOON = 50


def numbered(count: int) -> list[tuple[int, str]]:
    return list(enumerate(lines(count), 1))


@pytest.mark.parametrize("broken", ["cut", "close"])
async def test_after_every_interruption_the_page_has_each_line_once(
    page: Page, feed: FeedServer, broken: str
) -> None:
    answers: list[Json] = [{"retry": SOON, "lines": count, "then": broken} for count in (4, 1, 7)]
    feed.play(*answers, {"then": end()}, records=lines(20))
    watched = await watch_feed(page, feed.url + PATH)
    assert (await watched.ended())["phase"] == "Succeeded"
    assert await watched.records() == numbered(20)
    assert (await watched.seen())["opens"] == 4
    cursors = [request["headers"].get("Last-Event-ID") for request in feed.requests()]
    assert cursors == [None, "c4", "c5", "c12"]


async def test_a_page_outlives_the_restart_of_its_feed(page: Page, feed: FeedServer) -> None:
    feed.play({"retry": SOON, "lines": 6, "then": "hold"}, records=lines(12))
    watched = await watch_feed(page, feed.url + PATH)
    await watched.has_records(6)
    feed.kill()
    feed.play({"then": end()}, records=lines(12))
    await watched.ended()
    assert await watched.records() == numbered(12)


async def test_after_the_end_the_feed_is_not_asked_again(page: Page, feed: FeedServer) -> None:
    feed.play({"retry": SOON, "then": end("line_cap", None)}, records=lines(3))
    watched = await watch_feed(page, feed.url + PATH)
    assert (await watched.ended())["reason"] == "line_cap"
    assert await watched.status() == "ended: line_cap"
    await page.wait_for_timeout(SOON * 10)  # nothing to wait for: ten chances to come back
    assert len(feed.requests()) == 1


async def test_states_and_gaps_are_shown_between_the_lines(page: Page, feed: FeedServer) -> None:
    feed.play({"first": [STATE, GAP], "then": end()}, records=["<b>bold</b>"])
    watched = await watch_feed(page, feed.url + PATH)
    await watched.ended()
    seen = await watched.seen()
    assert [seen["states"], seen["gaps"]] == [[STATE["data"]], [GAP["data"]]]
    shown = ["load Running", "gap: The log was rotated.", "<b>bold</b>"]
    assert await page.locator("#lines li").all_inner_texts() == shown


async def test_a_refusal_is_final_to_a_browser_so_limits_must_come_as_an_end(
    page: Page, feed: FeedServer
) -> None:
    feed.play({"status": 429, "retry_after": 1})
    watched = await watch_feed(page, feed.url + PATH)
    await watched.refused()
    assert len(feed.requests()) == 1
