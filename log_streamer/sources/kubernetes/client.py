"""The Kubernetes API's errors in the words of sources."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from crossover.kubernetes import client, errors
from crossover.kubernetes.access import Access
from crossover.kubernetes.client import Limits, Params
from log_streamer.sources.source import Away, Denied, Gone, NotReady, SourceError

__all__ = ["Expired", "KubernetesClient", "Limits", "Rejected"]


class Expired(SourceError):
    """The resource version is too old to watch from: list again."""


class Rejected(SourceError):
    """What is wrong with the request or, for logs, with the container."""


_WORDS: tuple[tuple[type[errors.ApiError], type[SourceError]], ...] = (
    (errors.Denied, Denied),
    (errors.Missing, Gone),
    (errors.Expired, Expired),
    (errors.Away, Away),
    (errors.ApiError, Rejected),
)


class KubernetesClient:
    """Reads only: a log source changes nothing."""

    def __init__(self, access: Access, limits: Limits | None = None) -> None:
        self._client = client.KubernetesClient(access, limits)

    async def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """A JSON object. Raises SourceError: Away, Denied, Gone, Expired, Rejected."""
        with _in_our_words():
            return await self._client.get(path, params)

    @asynccontextmanager
    async def stream(
        self, path: str, params: Params, *, quiet: float
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """A body in chunks, as they come. It ends as if finished after `quiet` seconds without a byte.

        Raises SourceError, on entering and on the way; NotReady for an answer without content.
        """
        with _in_our_words():
            async with self._client.stream(path, params, quiet=quiet) as chunks:
                if chunks is None:
                    raise NotReady("There is no log yet: the pod has no node.")
                yield _chunks(chunks)

    async def close(self) -> None:
        await self._client.close()


async def _chunks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    with _in_our_words():
        async for chunk in chunks:
            yield chunk


@contextmanager
def _in_our_words() -> Generator[None]:
    try:
        yield
    except errors.ApiError as error:
        words = next(ours for theirs, ours in _WORDS if isinstance(error, theirs))
        raise words(error.detail, retry_after=error.retry_after) from error
