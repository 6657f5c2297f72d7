"""A real browser's EventSource on a feed.

The page is put at an address of the feed's own origin, so that the feed needs to allow no foreign origins.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page, Route, async_playwright

from tests.patience import PATIENCE

Json = dict[str, Any]

PAGE = Path(__file__).with_name("feed.html")
NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def browser_page(executable: str) -> AsyncGenerator[Page, None]:
    """An empty page in a headless Chromium of its own."""
    # Chromium's sandbox refuses to run as root, which containers of build machines often are.
    args = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, headless=True, args=args)
        try:
            yield await browser.new_page()
        finally:
            await browser.close()


@dataclass(frozen=True, slots=True)
class WatchedFeed:
    """What the page has seen so far."""

    page: Page

    async def records(self) -> list[tuple[int, str]]:
        """(seq, msg) of every record, in the order in which they came, repeats and all."""
        return [(record["seq"], record["msg"]) for record in (await self.seen())["records"]]

    async def seen(self) -> Json:
        """`records`, `states`, `gaps`, `end` (its data or None), `opens` (connections), `errors`."""
        seen: Json = await self.page.evaluate("seen")
        return seen

    async def status(self) -> str:
        """`waiting`, `live`, `reconnecting`, `refused` or `ended: <reason>`, as a person reads it."""
        return await self.page.inner_text("#status")

    async def ended(self, *, within: float = PATIENCE) -> Json:
        """The data of the `end` event. Raises TimeoutError."""
        await self._until("seen.end !== null", within)
        end: Json = (await self.seen())["end"]
        return end

    async def has_records(self, count: int, *, within: float = PATIENCE) -> None:
        """Returns once the page has at least so many records. Raises TimeoutError."""
        await self._until(f"seen.records.length >= {count}", within)

    async def refused(self, *, within: float = PATIENCE) -> None:
        """Returns once the browser has given up for good. Raises TimeoutError."""
        await self._until("status.textContent === 'refused'", within)

    async def _until(self, condition: str, within: float) -> None:
        async with asyncio.timeout(within):
            while not await self.page.evaluate(condition):
                await asyncio.sleep(0.05)


async def watch_feed(page: Page, url: str) -> WatchedFeed:
    """Open an EventSource on `url`; it is watched while the test goes on."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    address = f"{origin}/watched-by-a-test"

    async def serve(route: Route) -> None:
        await route.fulfill(path=PAGE, content_type="text/html")

    await page.route(address, serve)
    await page.goto(address)
    await page.evaluate("url => watch(url)", url)
    return WatchedFeed(page)
