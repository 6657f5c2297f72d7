"""Run ids: readable, injective, and owned by one tenant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crossover.contract.run import (
    ArgoNode,
    Scope,
    fingerprint,
    node_key,
    run_id,
    tenant_of,
    tenant_prefix,
    valid_segment,
    valid_trace_id,
)

tenants = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
names = st.text(min_size=1, max_size=80)


def node(name: str, retries: int = 0) -> ArgoNode:
    return ArgoNode("argo", "wf-1", "uid-1", name, retries)


def test_a_run_id_reads_as_its_place_in_argo() -> None:
    argo = ArgoNode("argo", "wf-1", "u-1", "wf-1.sub[0].extract(1:pg/x)")
    assert run_id("acme", argo, Scope.NODE).startswith("crossover/acme/argo/u-1/extract-1-pg-x-")


@given(names, names)
def test_two_nodes_never_share_a_key(one: str, other: str) -> None:
    assert (node_key(one) == node_key(other)) == (one == other)


@given(names)
def test_every_node_name_becomes_a_valid_segment(name: str) -> None:
    assert valid_segment(node_key(name))
    assert valid_segment(node_key(name, 3))


@given(tenants, tenants, names)
def test_a_run_belongs_to_exactly_one_tenant(mine: str, other: str, name: str) -> None:
    run = run_id(mine, node(name), Scope.NODE)
    assert tenant_of(run) == mine
    assert run.startswith(tenant_prefix(other)) == (mine == other)


def test_scope_attempt_gives_each_retry_its_own_run() -> None:
    runs = {run_id("t", node("wf.a", retries), Scope.ATTEMPT) for retries in range(5)}
    assert len(runs) == 5
    assert run_id("t", node("wf.a", 0), Scope.NODE) == run_id("t", node("wf.a", 4), Scope.NODE)


def test_what_is_no_run_id_has_no_tenant() -> None:
    for text in ("", "crossover", "crossover/t", "crossover/T/a/b/c", "other/t/a/b/c", "crossover/t//b/c"):
        assert tenant_of(text) is None


def test_trace_ids_are_one_token_of_a_log_line() -> None:
    assert valid_trace_id("wf-1.a_b")
    for text in ("", "a b", "a=b", "a\nb", "a/b", 'a"b', "-a"):
        assert not valid_trace_id(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_the_fingerprint_does_not_depend_on_key_order(value: object) -> None:
    turned = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert fingerprint("T", "q", value) == fingerprint("T", "q", turned)


def test_the_fingerprint_tells_type_queue_and_input_apart() -> None:
    prints = {
        fingerprint("T", "q", {}),
        fingerprint("U", "q", {}),
        fingerprint("T", "r", {}),
        fingerprint("T", "q", {"a": 1}),
    }
    assert len(prints) == 4
