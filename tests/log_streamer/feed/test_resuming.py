"""A viewer gets every record exactly once, wherever it is cut off and whichever replica it goes on at."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.log_streamer.feed.logs import LogMaker, coarse, ordered, two_streams
from tests.log_streamer.feed.replicas import Logs, Replica, Seen, all_of, logs_of


def watch_with_cuts(rng: random.Random, logs: Logs, replicas: Sequence[Replica]) -> Seen:
    """Connects again and again, each time at any of the replicas, each time cut after any frame."""
    seen = Seen()
    for _ in range(rng.randint(1, 6)):
        replica = rng.choice(replicas)
        replica.hand_on(rng.randint(0, 4))
        place = seen.place(room=rng.choice((3, 10**9)), frame=rng.choice((1, 2, 1000)))
        for frame in islice(replica.watched(place), rng.choice((1, 2, 5, 1000))):
            seen.take(frame)
    replica = rng.choice(replicas)
    replica.finish()
    for frame in replica.watched(seen.place(frame=rng.choice((1, 1000)))):
        seen.take(frame)
    return seen


MAKERS = pytest.mark.parametrize("make", [coarse, ordered, two_streams])


@MAKERS
def test_on_one_replica_that_remembers_all_every_record_comes_once(make: LogMaker) -> None:
    rng = random.Random(17)
    for _ in range(700):
        logs = logs_of(rng, make)
        seen = watch_with_cuts(rng, logs, [Replica(rng, logs, memory=10**6)])
        assert (seen.texts, seen.gaps) == (all_of(logs), 0)


@MAKERS
def test_on_replicas_that_merged_in_other_orders_too(make: LogMaker) -> None:
    rng = random.Random(18)
    for _ in range(700):
        logs = logs_of(rng, make)
        seen = watch_with_cuts(rng, logs, [Replica(rng, logs, memory=10**6) for _ in range(3)])
        assert (seen.texts, seen.gaps) == (all_of(logs), 0)


@MAKERS
def test_on_replicas_that_remember_little_too(make: LogMaker) -> None:
    rng = random.Random(19)
    for _ in range(1_500):
        logs = logs_of(rng, make)
        replicas = [Replica(rng, logs, memory=rng.choice((1, 3, 10))) for _ in range(rng.choice((1, 3)))]
        seen = watch_with_cuts(rng, logs, replicas)
        assert (seen.texts, seen.gaps) == (all_of(logs), 0)


@MAKERS
@given(rng=st.randoms(use_true_random=False), memory=st.sampled_from([1, 5, 10**6]))
def test_on_replicas_that_shrink(make: LogMaker, rng: random.Random, memory: int) -> None:
    logs = logs_of(rng, make)
    seen = watch_with_cuts(rng, logs, [Replica(rng, logs, memory) for _ in range(2)])
    assert seen.texts == all_of(logs)
