"""Parity verdicts: what a comparison of the two systems, made elsewhere, says in a file or at a URL."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import httpx
from pydantic import AwareDatetime, BaseModel, ValidationError

from crossover.errors import CrossoverError, cut
from crossover.flags.gate import Parity
from crossover.strict_json import parse_json

TIMEOUT = 3.0
"""Seconds for one verdict."""

SIZE_LIMIT = 65536
"""Bytes. A verdict is a line; reports belong elsewhere."""

SUMMARY_LIMIT = 300


# Unpacked bytes could be a thousand times those that were counted.
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class _Written(BaseModel):
    """{"verdict": "pass" | "fail", "at": "2026-01-31T12:00:00Z", "summary": "…"}; other keys are ignored."""

    verdict: Literal["pass", "fail"]
    at: AwareDatetime
    summary: str = ""


class ParityVerdicts:
    """Args:
    places: where each named verdict is: a path, or an http(s) URL. From the settings only: a URL that a
        caller could choose would let it reach what only the bridge can.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._client = httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False)

    async def read(self, name: str) -> Parity:
        """The verdict, or why there is none, without the place: never an error."""
        if (place := self._places.get(name)) is None:
            return _none("the settings name no such verdict")
        try:
            async with asyncio.timeout(TIMEOUT):
                return _parity(await self._bytes(place))
        except TimeoutError:
            return _none(f"it did not come within {TIMEOUT:g} s")
        except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            return _none(f"it cannot be read ({type(error).__name__})")
        except ValueError as error:
            return _none(str(error))

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _bytes(self, place: str) -> bytes:
        if place.startswith(("http://", "https://")):
            return await self._fetched(place)
        return await asyncio.to_thread(_read_file, Path(place))

    async def _fetched(self, url: str) -> bytes:
        async with self._client.stream("GET", url, headers=_HEADERS) as reply:
            if reply.status_code != httpx.codes.OK:
                raise ValueError(f"its server answers {reply.status_code}")
            body = b""
            async for chunk in reply.aiter_raw():
                body += chunk
                _check_size(len(body))
            return body


def _read_file(path: Path) -> bytes:
    # A pipe or a device could keep the thread for ever.
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        body = file.read(SIZE_LIMIT + 1)
    _check_size(len(body))
    return body


def _check_size(size: int) -> None:
    if size > SIZE_LIMIT:
        raise ValueError(f"it is larger than {SIZE_LIMIT} bytes")


def _parity(body: bytes) -> Parity:
    """Raises ValueError for what is no verdict."""
    try:
        written = _Written.model_validate(parse_json(body))
    except (CrossoverError, ValidationError):
        raise ValueError('it is not {"verdict": "pass" or "fail", "at": "time with zone"}') from None
    return Parity(written.verdict == "pass", cut(written.summary, SUMMARY_LIMIT), written.at)


def _none(why: str) -> Parity:
    return Parity(None, why)
