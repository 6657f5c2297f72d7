"""From a request to a start plan: registry, schema, context, timeouts, and when to attach."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.steps.engine import StartPlan
from bridge.steps.record import RunRecord
from bridge.steps.registry import App, Registry, Tenant, open_registry
from bridge.steps.request import StartRequest, invalid_field
from bridge.steps.start import check_attach, is_same_request, plan_start
from crossover.contract import names
from crossover.errors import CrossoverError, Forbidden, InputConflict, InvalidField, UnknownApp
from tests.bridge.test_phases import snapshot

ARGO = {"namespace": "argo", "workflow": "wf-1", "uid": "u-1", "node_name": "wf-1.extract"}
APP = App(workflow_type="Extract", task_queue="pg", max_execution_timeout=7200)
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def request(**changes: Any) -> StartRequest:
    return StartRequest.model_validate({"app": "pg", "argo": ARGO, **changes})


def plan(app: App = APP, **changes: Any) -> StartPlan:
    return plan_start(
        request(**changes),
        app,
        tenant="acme",
        namespace="ns",
        traceparent=PARENT,
        key="key-1",
        may_have_started=False,
    )


def test_context_travels_in_headers_memo_and_first_argument() -> None:
    made = plan(input={"table": "t"})
    for carrier in (made.headers, made.memo, made.input):
        assert carrier[names.TRACE_ID] == "wf-1"
        assert carrier[names.ARGO_WORKFLOW] == "wf-1"
        assert carrier[names.ARGO_NODE] == "wf-1.extract"
        assert carrier[names.TENANT] == "acme"
        assert carrier[names.TRACEPARENT] == PARENT
    assert made.input["table"] == "t"
    assert made.headers["_tracer-data"] == {"traceparent": PARENT}
    assert made.headers[names.CORRELATION_HEADER] == "wf-1"


def test_without_a_traceparent_none_is_made_up() -> None:
    made = plan_start(
        request(), APP, tenant="t", namespace="ns", traceparent=None, key="k", may_have_started=False
    )
    for carrier in (made.headers, made.memo, made.input):
        assert names.TRACEPARENT not in carrier
    assert "_tracer-data" not in made.headers


def test_an_app_can_keep_its_first_argument_to_itself() -> None:
    made = plan(APP.model_copy(update={"context_in_input": False}), input={"tenant": "mine"})
    assert made.input == {"tenant": "mine"}


@pytest.mark.parametrize("key", names.CONTEXT_KEYS)
def test_an_input_may_not_contradict_the_context(key: str) -> None:
    with pytest.raises(InvalidField) as caught:
        plan(input={key: "forged"})
    assert caught.value.field == f"input.{key}"


def test_the_trace_id_defaults_to_the_workflows_name() -> None:
    assert plan().search_attributes[names.SEARCH_TRACE_ID] == "wf-1"
    assert plan(trace_id="t-9").search_attributes[names.SEARCH_TRACE_ID] == "t-9"


@pytest.mark.parametrize(
    ("asked", "given"), [(None, 3600.0), ("30m", 1800.0), ("7200s", 7200.0), (90, 90.0)], ids=str
)
def test_a_run_always_has_an_end(asked: object, given: float) -> None:
    assert plan(execution_timeout=asked).execution_timeout == given


def test_a_timeout_beyond_the_apps_is_refused() -> None:
    with pytest.raises(InvalidField, match="7200"):
        plan(execution_timeout="3h")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"argo": {**ARGO, "uid": "{{workflow.uid}}"}}, "argo.uid"),
        ({"argo": {**ARGO, "namespace": "a/b"}}, "argo.namespace"),
        ({"argo": {**ARGO, "retries": "1"}}, "argo.retries"),
        ({"argo": {**ARGO, "node_name": ""}}, "argo.node_name"),
        ({"argo": None}, "argo"),
        ({"input": [1]}, "input"),
        ({"trace_id": "a b"}, "trace_id"),
        ({"execution_timeout": "soon"}, "execution_timeout"),
        ({"execution_timeout": 0}, "execution_timeout"),
        ({"execution_timeout": "9999d"}, "execution_timeout"),
        ({"on_cancel": "explode"}, "on_cancel"),
        ({"cancel_grace": -1}, "cancel_grace"),
        ({"scope": "pod"}, "scope"),
        ({"outputs": {"a b": "/x"}}, "outputs.a b.[key]"),
        ({"outputs": {"a": "x"}}, "outputs.a"),
        ({"outputs": {f"p{n}": "/x" for n in range(33)}}, "outputs"),
        ({"workflow_type": "W"}, "(body)"),
        ({"app": None}, "(body)"),
        ({"priority": 1}, "priority"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_wrong_field_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        request(**changes)
    error = invalid_field(caught.value)
    assert error.field == field
    assert "soon" not in error.detail


SCHEMA = {
    "type": "object",
    "properties": {"source": {"type": "object", "properties": {"port": {"type": "integer"}}}},
    "required": ["source"],
}


@pytest.mark.parametrize(
    ("input", "field"),
    [({}, "input"), ({"source": {"port": "SECRET"}}, "input.source.port")],
    ids=["absent", "type"],
)
def test_an_apps_schema_names_the_place_and_not_the_value(input: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        plan(APP.model_copy(update={"input_schema": SCHEMA}), input=input)
    assert caught.value.field == field
    assert "SECRET" not in caught.value.detail


def existing(of: StartPlan, **changes: Any) -> Any:
    return snapshot(memo=of.memo, workflow_type=of.workflow_type, task_queue=of.task_queue, **changes)


def test_the_same_work_attaches() -> None:
    check_attach(plan(input={"a": 1}), existing(plan(input={"a": 1})))


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (plan(input={"a": 2}), "input"),
        (plan(APP.model_copy(update={"workflow_type": "Other"})), "workflow_type"),
        (plan(APP.model_copy(update={"task_queue": "other"})), "task_queue"),
    ],
    ids=["input", "type", "queue"],
)
def test_other_work_under_the_same_key_is_a_conflict_that_says_what_differs(
    other: StartPlan, field: str
) -> None:
    with pytest.raises(InputConflict) as caught:
        check_attach(plan(), existing(other))
    assert caught.value.field == field


def test_a_run_that_the_bridge_did_not_start_is_never_attached_to() -> None:
    with pytest.raises(InputConflict):
        check_attach(plan(), snapshot(memo={}))


def test_a_repeated_request_knows_its_run_by_the_memo() -> None:
    assert is_same_request(plan(), existing(plan()))
    assert not is_same_request(replace(plan(), request_id="key-2"), existing(plan()))
    assert not is_same_request(plan(), snapshot(memo={}))


@pytest.mark.parametrize(
    "memo",
    [
        {},
        {"crossover": 1},
        {"crossover": {"argo": {"x": 1}, "on_cancel": "?", "outputs": 3}},
        {"crossover": {"argo": 1}},
    ],
    ids=["empty", "number", "odd", "argo"],
)
def test_a_foreign_memo_is_read_without_a_crash(memo: dict[str, Any]) -> None:
    assert RunRecord.from_memo(memo, tenant="t").tenant == "t"


REGISTRY = Registry(
    apps={"pg": APP, "hive": APP, "ops": APP},
    tenants={
        "acme": Tenant(apps=("pg", "hi*"), task_queues=("acme-*",), workflow_types=("Extract*",)),
        "none": Tenant(apps=()),
    },
)


def test_a_tenant_uses_the_apps_its_patterns_allow() -> None:
    assert REGISTRY.app("acme", "hive") is APP
    for tenant, name in (("acme", "ops"), ("acme", "nope"), ("none", "pg")):
        with pytest.raises(UnknownApp) as caught:
            REGISTRY.app(tenant, name)
        assert caught.value.field == "app"


def test_an_unknown_app_lists_only_what_this_tenant_may_use() -> None:
    with pytest.raises(UnknownApp, match=r"hive, pg\.") as caught:
        REGISTRY.app("acme", "x")
    assert "ops" not in caught.value.detail


@pytest.mark.parametrize(
    ("tenant", "workflow_type", "queue", "error"),
    [
        ("acme", "Extract1", "acme-1", None),
        ("acme", "Extract1", "other", Forbidden),
        ("acme", "Delete", "acme-1", Forbidden),
        ("none", "Extract1", "acme-1", Forbidden),
        ("ghost", "Extract1", "acme-1", Forbidden),
    ],
)
def test_types_and_queues_take_an_allowing_pattern(
    tenant: str, workflow_type: str, queue: str, error: type[CrossoverError] | None
) -> None:
    if error is None:
        assert REGISTRY.direct(tenant, workflow_type, queue).task_queue == queue
    else:
        with pytest.raises(error):
            REGISTRY.direct(tenant, workflow_type, queue)


def test_a_laptop_without_a_registry_may_start_everything() -> None:
    assert open_registry("default").direct("default", "Any", "queue").workflow_type == "Any"


@pytest.mark.parametrize(
    "document",
    [
        {"apps": {"a": {"workflow_type": "W"}}},
        {"apps": {"a": {"workflow_type": "W", "task_queue": "q", "extra": 1}}},
        {"apps": {"a": {"workflow_type": "W", "task_queue": "q", "input_schema": {"type": "strng"}}}},
        {"apps": {"a": {"workflow_type": "W", "task_queue": "q", "execution_timeout": "infinite"}}},
        {"tenants": {"Not A Label": {}}},
    ],
    ids=["no queue", "typo", "schema", "timeout", "tenant"],
)
def test_a_bad_registry_is_refused_whole(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Registry.model_validate(document)
