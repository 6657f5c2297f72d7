"""A tenant's place in a rollout: always the same for a salt, and evenly spread over all tenants."""

from __future__ import annotations

import mmh3

from crossover.flags.model import WEIGHTS

_TEXT = 0x60  # CBOR's major type 3 (RFC 8949, 3.1)


def bucket(salt: str, tenant: str) -> int:
    """0..99,999: where `salt` followed by `tenant` falls.

    The same as flagd's `fractional` over `{"cat": [salt, {"var": "targetingKey"}]}` and weights that add up
    to 100,000, as openfeature-flagd-core 2.0 computes it: MurmurHash3 (32 bits) of the text in CBOR, scaled.
    """
    text = (salt + tenant).encode()
    scaled: int = mmh3.hash(_head(len(text)) + text, signed=False) * WEIGHTS
    return scaled >> 32


def _head(length: int) -> bytes:
    """The shortest head of a CBOR text: salts and tenants together stay below 64 KiB."""
    if length < 24:
        return bytes((_TEXT + length,))
    if length < 256:
        return bytes((_TEXT + 24, length))
    return bytes((_TEXT + 25,)) + length.to_bytes(2, "big")
