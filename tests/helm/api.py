"""Server-side dry runs: what a real API server says of objects, with its warnings."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from testbed.kubernetes.admin import api_client
from tests.helm.chart import Object


@dataclass
class DryRuns:
    """Each object is validated, defaulted and admitted, and not kept."""

    http: httpx.AsyncClient
    plurals: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def connected(cls, kubeconfig: Path) -> AsyncGenerator[DryRuns, None]:
        async with api_client(kubeconfig) as http:
            yield cls(http)

    async def create(self, item: Object, *, keep: bool = False) -> list[str]:
        """What the API server has against it: its refusal, else its warnings."""
        path = await self._path(item)
        if path is None:
            return [f"there is no {item['apiVersion']} {item['kind']}"]
        params = {"fieldValidation": "Strict"} | ({} if keep else {"dryRun": "All"})
        answer = await self.http.post(path, json=item, params=params)
        if answer.is_error:
            return [f"{answer.status_code}: {answer.json()['message']}"]
        return answer.headers.get_list("Warning")

    async def _path(self, item: Object) -> str | None:
        group = item["apiVersion"]
        base = f"/apis/{group}" if "/" in group else f"/api/{group}"
        if (group, item["kind"]) not in self.plurals:
            listed = (await self.http.get(base)).json().get("resources", [])
            for each in listed:
                if "/" not in each["name"]:
                    self.plurals[group, each["kind"]] = (each["name"], each["namespaced"])
        if (group, item["kind"]) not in self.plurals:
            return None
        plural, namespaced = self.plurals[group, item["kind"]]
        scope = f"/namespaces/{item['metadata']['namespace']}" if namespaced else ""
        return f"{base}{scope}/{plural}"
