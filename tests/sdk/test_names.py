"""The SDK's copy of the contract says what the contract says."""

from crossover.contract import names as contract
from crossover.contract.run import valid_trace_id
from crossover_sdk import names
from crossover_sdk.run_context import RunContext, from_values, is_trace_id


def test_every_shared_name_has_the_contracts_value() -> None:
    shared = [name for name in vars(names) if name.isupper() and hasattr(contract, name)]

    assert len(shared) >= 8
    assert {name: getattr(names, name) for name in shared} == {
        name: getattr(contract, name) for name in shared
    }


def test_a_context_travels_under_the_contracts_keys_and_back() -> None:
    run = RunContext("wf-1", "wf-1", "wf-1.extract", "acme", "00-aa-bb-01")

    assert set(run.items()) == {*contract.CONTEXT_KEYS, contract.CORRELATION_HEADER}
    assert from_values(run.items()) == run


def test_both_sides_agree_on_what_a_trace_id_is() -> None:
    for value in ("wf-1", "A.b_c-9", "x" * 253, "", "-x", ".x", "a b", "a\n", "x" * 254, "ü"):
        assert is_trace_id(value) is valid_trace_id(value)
