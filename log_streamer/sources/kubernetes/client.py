"""The Kubernetes API's errors in the words of sources."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from crossover.kubernetes import client, errors
from crossover.kubernetes.access import Access
from crossover.kubernetes.client import Limits, Params
from log_streamer.sources.source import Away, Denied, Gone, NotReady, SourceError

__all__ = ["KubernetesClient", "Limits", "Rejected", "source_error"]


class Rejected(SourceError):
    """What is wrong with the request or, for logs, with the container."""


_WORDS: tuple[tuple[type[errors.ApiError], type[SourceError]], ...] = (
    (errors.Denied, Denied),
    (errors.Missing, Gone),
    (errors.Away, Away),
    (errors.ApiError, Rejected),
)


class KubernetesClient:
    """Reads only: a log source changes nothing.

    Attributes:
        api: the same client with errors of its own, for watches.
    """

    def __init__(self, access: Access, limits: Limits | None = None) -> None:
        self.api = client.KubernetesClient(access, limits)

    async def get(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """A JSON object. Raises SourceError: Away, Denied, Gone, Rejected."""
        with _in_our_words():
            return await self.api.get(path, params)

    @asynccontextmanager
    async def stream(
        self, path: str, params: Params, *, quiet: float
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """A body in chunks, as they come. It ends as if finished after `quiet` seconds without a byte.

        Raises SourceError, on entering and on the way; NotReady for an answer without content.
        """
        with _in_our_words():
            async with self.api.stream(path, params, quiet=quiet) as chunks:
                if chunks is None:
                    raise NotReady("There is no log yet: the pod has no node.")
                yield _chunks(chunks)

    async def close(self) -> None:
        await self.api.close()


async def _chunks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    with _in_our_words():
        async for chunk in chunks:
            yield chunk


@contextmanager
def _in_our_words() -> Generator[None]:
    try:
        yield
    except errors.ApiError as error:
        raise source_error(error) from error


def source_error(error: errors.ApiError) -> SourceError:
    words = next(ours for theirs, ours in _WORDS if isinstance(error, theirs))
    return words(error.detail, retry_after=error.retry_after)
