"""Which namespaces belong to which tenant: nothing outside of them is ever read for its viewers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from crossover.contract.run import valid_tenant
from crossover.errors import Forbidden
from log_streamer.sources.source import Tenant


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    argo_namespaces: tuple[str, ...] = Field(min_length=1)
    worker_namespaces: tuple[str, ...] = ()
    worker_selector: str = ""
    streams: int | None = Field(default=None, ge=1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    tenants: Mapping[str, _Entry]

    @field_validator("tenants")
    @classmethod
    def _names(cls, value: Mapping[str, _Entry]) -> Mapping[str, _Entry]:
        for name in value:
            if not valid_tenant(name):
                raise ValueError(f"{name!r} must be lower-case letters, digits and hyphens (63 at most)")
        return value


@dataclass(frozen=True, slots=True)
class Tenants:
    """By name. `streams`: how many a tenant may have open, where that differs from the service's limit."""

    tenants: Mapping[str, Tenant]
    streams: Mapping[str, int] = field(default_factory=dict)

    def tenant(self, name: str) -> Tenant:
        """Raises Forbidden for a tenant that is not listed."""
        try:
            return self.tenants[name]
        except KeyError:
            raise Forbidden(
                f"Tenant {name} has no namespaces here: the operator adds it to the tenants file."
            ) from None


def read_tenants(path: Path) -> Tenants:
    """Raises ValueError, naming the file and the place."""
    try:
        file = _File.model_validate(yaml.safe_load(path.read_text()) or {})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {place}: {first['msg']}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: {error}") from error
    return Tenants(
        {name: _tenant(name, entry) for name, entry in file.tenants.items()},
        {name: entry.streams for name, entry in file.tenants.items() if entry.streams is not None},
    )


def open_tenants(name: str, argo: tuple[str, ...], workers: tuple[str, ...], selector: str) -> Tenants:
    """One tenant, for installs that have no more."""
    return Tenants({name: Tenant(name, argo, workers or argo, selector)})


def _tenant(name: str, entry: _Entry) -> Tenant:
    return Tenant(
        name, entry.argo_namespaces, entry.worker_namespaces or entry.argo_namespaces, entry.worker_selector
    )
