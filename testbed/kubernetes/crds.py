"""Argo's resource definitions, as `testbed/crds` has them: what objects are called, not what is in them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import yaml

from testbed.kubernetes.admin import CRDS, Admin, Object, Refused, Resource

FOLDER = Path(__file__).parents[1] / "crds"


def definitions() -> list[Object]:
    return [yaml.safe_load(file.read_text()) for file in sorted(FOLDER.glob("*.yaml"))]


async def apply_crds(admin: Admin, *, keep: bool = False, within: float = 120.0) -> None:
    """Returns once the API serves all of them. Raises Refused, TimeoutError.

    In the first two seconds of a definition's life the API server delays each creation of such an object by
    two seconds, so that its replicas have heard of the definition too (apiextensions-apiserver,
    customresource_handler.go). Who measures waits for longer.

    Args:
        keep: leave those that exist alone: a cluster with a real Argo has its own.
        within: seconds.
    """
    async with asyncio.timeout(within):
        for each in definitions():
            if not (keep and await _found(admin, each)):
                await admin.apply(CRDS, each)
        for each in definitions():
            await _until_established(admin, each)
            await _until_served(admin, each)


async def _found(admin: Admin, definition: Object) -> bool:
    try:
        await admin.get(CRDS, definition["metadata"]["name"])
    except Refused as refused:
        if refused.status != 404:
            raise
        return False
    return True


async def _until_established(admin: Admin, definition: Object) -> None:
    while True:
        found = await admin.get(CRDS, definition["metadata"]["name"])
        conditions = found.get("status", {}).get("conditions", [])
        if any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
            return
        await asyncio.sleep(0.05)


async def _until_served(admin: Admin, definition: Object) -> None:
    """An established resource may still be unknown for a moment."""
    spec = definition["spec"]
    resource = Resource(f"apis/{spec['group']}/{spec['versions'][0]['name']}", spec["names"]["plural"])
    while True:
        try:
            await admin.list(resource, params={"limit": "1"})
            return
        except Refused as refused:
            if refused.status not in (404, 503):
                raise
        await asyncio.sleep(0.05)
