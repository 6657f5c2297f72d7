"""The contract's assertions are explained like those of test files."""

import pytest

pytest.register_assert_rewrite(
    "tests.log_streamer.contract.log_source", "tests.log_streamer.contract.locator"
)
