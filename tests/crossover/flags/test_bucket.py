"""Where tenants fall: the same place always, evenly, and the place flagd's evaluator would find."""

from __future__ import annotations

import cbor2
import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.flags.bucket import bucket
from crossover.flags.model import WEIGHTS

TENANTS = [f"tenant-{number}" for number in range(100_000)]


@given(st.text(max_size=64), st.text(max_size=63))
def test_a_bucket_is_the_scaled_hash_of_the_text_in_cbor(salt: str, tenant: str) -> None:
    text = cbor2.dumps(salt + tenant, canonical=True)
    assert bucket(salt, tenant) == mmh3.hash(text, signed=False) * WEIGHTS // 2**32


@pytest.mark.parametrize("length", [23, 24, 255, 256, 319])
def test_texts_of_every_length_have_a_bucket(length: int) -> None:
    text = cbor2.dumps("a" * length, canonical=True)
    assert bucket("a" * (length - 1), "a") == mmh3.hash(text, signed=False) * WEIGHTS // 2**32


def test_buckets_do_not_change_with_a_release() -> None:
    found = [bucket("enable_crossover", tenant) for tenant in ("acme", "beta", "default")]
    assert found == [4017, 43818, 31550]


@pytest.mark.parametrize("salt", ["enable_crossover", "enable_publish_app_executor", "again"])
@pytest.mark.parametrize("percent", [1, 5, 25, 50, 75, 99])
def test_a_percentage_takes_that_share_of_100000_tenants(salt: str, percent: int) -> None:
    taken = sum(bucket(salt, tenant) < percent * WEIGHTS // 100 for tenant in TENANTS)
    assert abs(taken / len(TENANTS) - percent / 100) < 0.01


def test_two_flags_do_not_take_the_same_tenants_first() -> None:
    both = sum(bucket("one", tenant) < 50_000 and bucket("two", tenant) < 50_000 for tenant in TENANTS)
    assert abs(both / len(TENANTS) - 0.25) < 0.01
