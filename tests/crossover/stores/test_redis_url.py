"""Redis by URL: one server, sentinels, a cluster."""

from __future__ import annotations

import pytest

from crossover.stores.redis_url import Kind, RedisTarget, parse_redis_url

SINGLE, SENTINEL, CLUSTER = Kind.SINGLE, Kind.SENTINEL, Kind.CLUSTER


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("redis://h", RedisTarget(SINGLE, (("h", 6379),))),
        ("redis://h:1/3", RedisTarget(SINGLE, (("h", 1),), db=3)),
        ("rediss://h", RedisTarget(SINGLE, (("h", 6379),), tls=True)),
        ("redis://[::1]:7", RedisTarget(SINGLE, (("::1", 7),))),
        ("redis://u@h", RedisTarget(SINGLE, (("h", 6379),), username="u")),
        ("redis://u:p%40%3A@h", RedisTarget(SINGLE, (("h", 6379),), username="u", password="p@:")),
        ("redis://:p@h", RedisTarget(SINGLE, (("h", 6379),), password="p")),
        (
            "redis+sentinel://a,b:2/main/4",
            RedisTarget(SENTINEL, (("a", 26379), ("b", 2)), service="main", db=4),
        ),
        ("rediss+sentinel://a/main", RedisTarget(SENTINEL, (("a", 26379),), tls=True, service="main")),
        (
            "redis+cluster://u:p@a,b:2",
            RedisTarget(CLUSTER, (("a", 6379), ("b", 2)), username="u", password="p"),
        ),
    ],
)
def test_a_url_names(url: str, target: RedisTarget) -> None:
    assert parse_redis_url(url) == target


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://:hush@h", "scheme"),
        ("h:6379", "scheme"),
        ("redis://:hush@", "host is missing"),
        ("redis://:hush@a,b", "several hosts"),
        ("redis://:hush@h:99999", "port"),
        ("redis://:hush@h:x", "port"),
        ("redis://:hush@h/x", "database"),
        ("redis://:hush@h?db=1", "query"),
        ("redis+sentinel://:hush@h", "service"),
        ("redis+cluster://:hush@h/1", "no databases"),
    ],
)
def test_a_wrong_url_is_told_without_its_password(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as wrong:
        parse_redis_url(url)
    assert "hush" not in str(wrong.value)


def test_a_target_does_not_show_its_password() -> None:
    assert "hush" not in repr(parse_redis_url("redis://u:hush@h"))
