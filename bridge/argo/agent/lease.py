"""A Lease of coordination.k8s.io/v1, as an election reads and writes it: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crossover.kubernetes.client import Object

NOBODY = "nobody"
"""Holder of a Lease that was just made: no candidate is called so, so nobody renews it."""


def lease_path(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


@dataclass(frozen=True, slots=True)
class Lease:
    """`body` is the whole object: what others wrote beside our fields is kept."""

    body: Object

    @classmethod
    def made(cls, name: str, duration: int, now: str) -> Lease:
        spec = {"holderIdentity": NOBODY, "leaseDurationSeconds": duration, "renewTime": now}
        kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        return cls({**kind, "metadata": {"name": name}, "spec": spec})

    @property
    def version(self) -> str:
        """Changes with every write."""
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def holder(self) -> str:
        return str(self._spec.get("holderIdentity") or "")

    @property
    def free(self) -> bool:
        """Given up, or never held: nobody has to be waited for."""
        return not self.holder

    @property
    def duration(self) -> int | None:
        """Seconds, as its holder wrote them."""
        return self._spec.get("leaseDurationSeconds")

    def taken(self, holder: str, duration: int, now: str) -> Lease:
        if self.holder == holder:
            return self.renewed(now)
        times = {"acquireTime": now, "renewTime": now, "leaseDurationSeconds": duration}
        transitions = (self._spec.get("leaseTransitions") or 0) + 1
        return self._with(**times, holderIdentity=holder, leaseTransitions=transitions)

    def renewed(self, now: str) -> Lease:
        return self._with(renewTime=now)

    def given_up(self, now: str) -> Lease:
        return self._with(holderIdentity="", renewTime=now)

    @property
    def _spec(self) -> dict[str, Any]:
        return self.body.get("spec") or {}

    def _with(self, **changes: Any) -> Lease:
        return Lease({**self.body, "spec": {**self._spec, **changes}})
