"""The executor plugin: Argo's repeated question, and never more than one run for it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from bridge.argo.node import refused
from bridge.argo.plugin.poll import SOON, Clock, Poll
from bridge.argo.plugin.polls import MOST, Polls
from bridge.argo.plugin.reply import NOT_OURS, Reply, over, silent
from bridge.argo.plugin.request import digest, read_request
from bridge.argo.runs import NodeRuns
from bridge.argo.task import Task, read_task
from crossover.contract.run import Mode
from crossover.errors import CrossoverError, Internal, InvalidRequest, NotFound, ShuttingDown, row_of
from crossover.telemetry import get_logger

ANSWER = 0.5
"""Seconds that a question may wait for Temporal. The agent's workers are 16, and each waits with it."""

WAIT = 30.0
"""Seconds that one look at a run lasts, while nothing happens to it."""

_log = get_logger(__name__)


class Plugin:
    """Attaches to runs and follows them for as long as the agent asks.

    Args:
        requeue: seconds between two questions about a node; shorter while its run is young.
        most: nodes remembered.
    """

    def __init__(
        self, runs: NodeRuns, *, requeue: float = 5.0, most: int = MOST, clock: Clock = time.monotonic
    ) -> None:
        self._runs = runs
        self._requeue = requeue
        self._polls = Polls(most)
        self._clock = clock

    async def aclose(self) -> None:
        followers = [poll.follower for poll in self._polls.clear() if poll.follower is not None]
        await asyncio.gather(*followers, return_exceptions=True)

    async def execute(self, tenant: str, body: bytes, instance: str, *, anew: bool = False) -> Reply:
        """Answers within a second, and never raises an error of ours.

        Args:
            instance: names the agent pod; `argo retry` gets another one.
            anew: the agent was told something by somebody else since it asked last.
        """
        key = digest(tenant, instance, body)
        poll = self._polls.get(key)
        if poll is None:
            try:
                asked = read_request(body)
                if asked is None:
                    return NOT_OURS
                poll = Poll(tenant, *_incarnation(read_task(*asked), instance), self._clock)
            except InvalidRequest as error:
                return over(refused(error))
            self._polls.add(key, poll)
        poll.asked(anew=anew)
        return await self._answer(key, poll)

    async def _answer(self, key: bytes, poll: Poll) -> Reply:
        await self._followed(poll)
        error, poll.error = poll.error, None
        if error is not None and poll.view is None and not row_of(error).retryable:
            self._polls.forget(key)
            return over(refused(error))
        if isinstance(error, ShuttingDown):
            return silent(SOON)
        if error is not None:
            return poll.trouble(error, self._requeue)
        if poll.closed and not poll.failed:
            # Asked once more, its run is found again. One that failed might be started again: see ADR 23.
            self._polls.forget(key)
        return poll.answer(self._requeue)

    async def _followed(self, poll: Poll) -> None:
        """Returns once something is known, or it takes too long."""
        if poll.error is None and not poll.closed and (poll.follower is None or poll.follower.done()):
            poll.news.clear()
            poll.answer_by = asyncio.get_running_loop().time() + ANSWER
            poll.follower = asyncio.create_task(self._follow(poll))
        if poll.view is None and poll.error is None:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(poll.answer_by):
                    await poll.news.wait()

    async def _follow(self, poll: Poll) -> None:
        """Until the run is over, something is wrong, or nobody asks any more."""
        try:
            while poll.wanted and not poll.closed:
                await self._look(poll)
                poll.news.set()
        except NotFound as error:
            # The run is gone from Temporal: whoever asks next attaches anew.
            poll.error, poll.view = error if poll.view is None else None, None
        except CrossoverError as error:
            poll.error = error
        except Exception:
            _log.exception("plugin cannot follow", key=poll.key)
            poll.error = Internal("The bridge made a mistake; its log says which.", retry_after=self._requeue)
        finally:
            poll.news.set()

    async def _look(self, poll: Poll) -> None:
        if poll.view is None:
            # After a restart nobody knows what was asked for before: so an earlier call may have been made.
            poll.view = await self._runs.attach(
                poll.tenant, poll.task.request, mode=Mode.PLUGIN, key=poll.key, repeated=True
            )
        else:
            run, revision = poll.view["id"], poll.view["revision"]
            poll.view = await self._runs.wait(run, timeout=WAIT, revision=revision)


def _incarnation(task: Task, instance: str) -> tuple[Task, str]:
    node = task.request.argo
    return task, f"{node.uid}/{node.node_name}/{node.retries}/{instance}"
