"""Which apps there are, and what each tenant may start: the operator's word, checked before Temporal.

A caller names an app; queue, type, limits and the input's schema come from here. Naming a workflow type
and a task queue directly takes a pattern that allows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from crossover.contract.durations import parse_duration
from crossover.contract.run import valid_tenant
from crossover.errors import Forbidden, UnknownApp

MAX_EXECUTION_TIMEOUT = 30 * 86400.0
"""Seconds. No run is without an end: one whose type nobody registers would otherwise live for ever."""

Seconds = Annotated[float, BeforeValidator(parse_duration), Field(ge=1, le=MAX_EXECUTION_TIMEOUT)]


def _checked_schema(schema: dict[str, Any]) -> dict[str, Any]:
    # JSON Schema's library is 2 MB: for those who have an app with a schema.
    from bridge.steps.input_schema import checked

    return checked(schema)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class App(_Strict):
    """One Temporal application. `context_in_input` adds trace_id and its companions to the first argument."""

    workflow_type: str = Field(min_length=1, max_length=255)
    task_queue: str = Field(min_length=1, max_length=255)
    execution_timeout: Seconds = 3600.0
    max_execution_timeout: Seconds = MAX_EXECUTION_TIMEOUT
    input_schema: Annotated[dict[str, Any], AfterValidator(_checked_schema)] = Field(default_factory=dict)
    context_in_input: bool = True


class Quotas(_Strict):
    """How much one tenant may do, over all replicas; None: as much as it likes."""

    starts_per_second: float | None = Field(default=None, gt=0, le=10_000)
    start_burst: int = Field(default=50, ge=1, le=10_000, description="Starts at once, after a pause.")
    running_runs: int | None = Field(default=None, ge=1, le=1_000_000)


class Tenant(_Strict):
    """What one tenant may start. Patterns are shell globs (`extract-*`); empty lists allow nothing, but for
    `argo_namespaces`."""

    temporal_namespace: str | None = None
    argo_namespaces: tuple[str, ...] = Field(
        default=(),
        description="Argo namespaces whose nodes the tenant's runs may stand for. None named: callers with a "
        "token may name any; the agent, which knows no tokens, serves only namespaces that are named.",
    )
    apps: tuple[str, ...] = ("*",)
    task_queues: tuple[str, ...] = ()
    workflow_types: tuple[str, ...] = ()
    quotas: Quotas = Quotas()

    def names(self, argo_namespace: str) -> bool:
        return any(fnmatchcase(argo_namespace, pattern) for pattern in self.argo_namespaces)


class Registry(_Strict):
    """The registry file: `apps` by name, `tenants` by name."""

    apps: Mapping[str, App] = Field(default_factory=dict)
    tenants: Mapping[str, Tenant] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _tenant_names(self) -> Registry:
        for name in self.tenants:
            if not valid_tenant(name):
                raise ValueError(
                    f"tenant {name!r} must be lower-case letters, digits and hyphens (63 at most)"
                )
        return self

    def tenant(self, name: str) -> Tenant:
        """Raises Forbidden for a tenant that the registry does not list."""
        try:
            return self.tenants[name]
        except KeyError:
            raise Forbidden(
                f"Tenant {name} is not in the app registry: its operator adds it under `tenants`."
            ) from None

    def namespace_of(self, tenant: str, default: str) -> str:
        """The tenant's Temporal namespace. Raises Forbidden for a tenant that the registry does not list."""
        return self.tenant(tenant).temporal_namespace or default

    def of_argo_namespace(self, namespace: str) -> str | None:
        """The tenant of an Argo namespace: the first that names it."""
        return next((name for name, tenant in self.tenants.items() if tenant.names(namespace)), None)

    def check_argo_namespace(self, tenant: str, namespace: str) -> None:
        """Raises Forbidden where the tenant is confined to other namespaces."""
        if self.tenant(tenant).argo_namespaces and not self.tenant(tenant).names(namespace):
            raise Forbidden(
                f"This tenant has no Argo namespace {namespace!r}: have `argo_namespaces` name it.",
                field="argo.namespace",
            )

    def namespaces(self, default: str) -> tuple[str, ...]:
        """Every Temporal namespace in use, the default one first."""
        named = (tenant.temporal_namespace or default for tenant in self.tenants.values())
        return tuple(dict.fromkeys([default, *named]))

    def app(self, tenant: str, name: str) -> App:
        """Raises UnknownApp, also for apps that the tenant may not use."""
        allowed = any(fnmatchcase(name, pattern) for pattern in self.tenant(tenant).apps)
        if not allowed or name not in self.apps:
            known = sorted(app for app in self.apps if self._may(tenant, app))
            listed = ", ".join(known) or "none"
            raise UnknownApp(f"There is no app {name!r}; registered for this tenant: {listed}.", field="app")
        return self.apps[name]

    def direct(self, tenant: str, workflow_type: str, task_queue: str) -> App:
        """An unregistered workflow type on a queue. Raises Forbidden unless both match a pattern."""
        rules = self.tenant(tenant)
        if not any(fnmatchcase(task_queue, pattern) for pattern in rules.task_queues):
            raise Forbidden(_not_allowed("task queue", task_queue, "task_queues"), field="task_queue")
        if not any(fnmatchcase(workflow_type, pattern) for pattern in rules.workflow_types):
            raise Forbidden(
                _not_allowed("workflow type", workflow_type, "workflow_types"), field="workflow_type"
            )
        return App(workflow_type=workflow_type, task_queue=task_queue)

    def _may(self, tenant: str, app: str) -> bool:
        return any(fnmatchcase(app, pattern) for pattern in self.tenant(tenant).apps)


def _not_allowed(what: str, name: str, key: str) -> str:
    return f"This tenant may not use {what} {name!r}: name a registered `app`, or have `{key}` allow it."


def check_input(app: App, input: Mapping[str, Any]) -> None:
    """Raises InvalidField, naming the place but never the value: inputs may hold secrets."""
    if app.input_schema:
        from bridge.steps.input_schema import check

        check(app.input_schema, input)


def open_registry(tenant: str) -> Registry:
    """For a laptop without a registry file: one tenant that may start everything."""
    anything = Tenant(argo_namespaces=("*",), apps=("*",), task_queues=("*",), workflow_types=("*",))
    return Registry(tenants={tenant: anything})
