"""A browser's own EventSource on the real service."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.browser.chromium import watch_feed
from tests.browser.conftest import page as page
from tests.log_streamer.viewers.conftest import Watched

COUNT = 300


def numbered(first: int, last: int) -> list[str]:
    return [f"line {number}" for number in range(first, last)]


@pytest.mark.parametrize("how", ["killed", "shut down"])
@pytest.mark.timeout(120)
async def test_the_page_has_every_line_once_when_the_service_is_restarted(
    page: Page, watched: Watched, how: str
) -> None:
    await watched.write(*numbered(0, COUNT))
    feed = await watch_feed(page, f"{watched.service.url}/v1/logs/{watched.name}")
    await feed.has_records(COUNT)
    await (watched.service.kill() if how == "killed" else watched.service.stop())
    await watched.write(*numbered(COUNT, 2 * COUNT))
    await watched.service.start()
    await feed.has_records(2 * COUNT)
    await watched.write(*numbered(2 * COUNT, 3 * COUNT))
    await watched.over("Succeeded")
    assert (await feed.ended())["phase"] == "Succeeded"
    assert await feed.records() == list(enumerate(numbered(0, 3 * COUNT), 1))
    assert (await feed.seen())["gaps"] == []


async def test_a_trace_that_is_over_is_shown_whole_and_not_asked_for_again(
    page: Page, watched: Watched
) -> None:
    await watched.write("only one")
    await watched.over("Failed")
    feed = await watch_feed(page, f"{watched.service.url}/v1/logs/{watched.name}")
    assert (await feed.ended())["phase"] == "Failed"
    assert await feed.records() == [(1, "only one")]
    assert (await feed.seen())["opens"] == 1
