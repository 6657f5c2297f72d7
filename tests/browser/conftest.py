"""A page in a real Chromium. Without one these tests are skipped, but not where CI promises to have it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.browser.chromium import NAMES, browser_page, find_chromium
from tests.cli_logs.programs import FeedServer


@pytest.fixture
async def page() -> AsyncGenerator[Page, None]:
    executable = find_chromium()
    if executable is None:
        missing = f"no browser on PATH: install one of {', '.join(NAMES)}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    async with browser_page(executable) as page:
        yield page


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[FeedServer]:
    server = FeedServer(tmp_path / "script.json")
    yield server
    server.kill()
