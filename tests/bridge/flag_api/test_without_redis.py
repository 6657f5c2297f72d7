"""Flags in a file, the kill switch of last resort, and a bridge that keeps nothing at all."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from testbed.ports import free_port
from testbed.servers import Bridge
from tests.bridge.flag_api.conftest import FLAG
from tests.patience import PATIENCE

NO_TEMPORAL = f"127.0.0.1:{free_port()}"
ALL_IN = {"flags": {FLAG: {"rollout": [{"crossover": 100}]}}}


async def evaluation(bridge: Bridge) -> dict[str, Any]:
    reply = await bridge.http.get(f"/v1/flags/{FLAG}/explain")
    found: dict[str, Any] = reply.json()["evaluation"]
    return found


def in_files(tmp_path: Path, **settings: Any) -> Bridge:
    (tmp_path / "flags.yaml").write_text(json.dumps(ALL_IN))
    return Bridge(
        NO_TEMPORAL,
        tmp_path / "log",
        flags_file=tmp_path / "flags.yaml",
        state_dir=tmp_path / "state",
        audit_file=tmp_path / "audit.jsonl",
        **settings,
    )


async def until_read(bridge: Bridge) -> None:
    """A bridge starts without its flags when the file cannot be read in a second."""
    async with asyncio.timeout(PATIENCE):
        while (await bridge.http.get("/v1/flag-store")).json()["state"] != "fresh":
            await asyncio.sleep(0.05)


async def test_a_changed_file_is_in_force_and_in_the_audit(tmp_path: Path) -> None:
    async with in_files(tmp_path) as bridge:
        await until_read(bridge)
        assert (await evaluation(bridge))["variant"] == "crossover"
        (tmp_path / "flags.yaml").write_text(json.dumps({"kill": True, **ALL_IN}))
        async with asyncio.timeout(PATIENCE):
            while (await evaluation(bridge))["variant"] != "legacy":
                await asyncio.sleep(0.05)
            while not (entries := await audit_of(bridge)):
                await asyncio.sleep(0.05)
        assert (entries[0]["who"], entries[0]["after"]["version"]) == ("file", 2)
        written = await bridge.http.post("/v1/kill", json={"on": False, "reason": "by hand"})
        assert (written.status_code, written.json()["type"]) == (409, "urn:crossover:error:store-conflict")
        assert "flags.yaml" in written.json()["detail"]


async def audit_of(bridge: Bridge) -> list[dict[str, Any]]:
    reply = await bridge.http.get("/v1/audit", params={"everything": "true"})
    found: list[dict[str, Any]] = reply.json()["entries"]
    return found


async def test_a_laptop_writes_its_file_through_the_api(tmp_path: Path) -> None:
    async with in_files(tmp_path, flags_writable=True) as bridge:
        await until_read(bridge)
        reply = await bridge.http.post(f"/v1/flags/{FLAG}/rollout", json={"crossover": 0, "reason": "less"})
        assert reply.status_code == 200, reply.text
        assert (await evaluation(bridge))["variant"] == "legacy"
    assert "crossover: 100" not in (tmp_path / "flags.yaml").read_text()


async def test_a_setting_kills_whatever_the_store_says(tmp_path: Path) -> None:
    async with in_files(tmp_path, kill=True) as bridge:
        await until_read(bridge)
        found = await evaluation(bridge)
        assert (found["variant"], found["reason"], found["rule"]) == ("legacy", "DISABLED", "kill")
        assert found["config_version"] == 1


async def test_a_bridge_without_stores_is_legacy_and_says_what_to_set(tmp_path: Path) -> None:
    async with Bridge(NO_TEMPORAL, tmp_path / "log") as bridge:
        ready = (await bridge.http.get("/readyz")).json()
        assert "flags" not in ready["checks"], "having none is no trouble"
        made = await bridge.http.put(
            "/v1/flags", json={"document": ALL_IN, "reason": "first"}, headers={"If-Match": "*"}
        )
        assert (made.status_code, "redis_url" in made.json()["detail"]) == (409, True)
        audit = await bridge.http.get("/v1/audit")
        assert (audit.status_code, "audit_file" in audit.json()["detail"]) == (503, True)
        argo = {"namespace": "argo", "workflow": "w", "uid": "u", "node_name": "w.x"}
        decision = (await bridge.http.post("/v1/decisions", json={"argo": argo})).json()
        assert (decision["variant"], decision["pinned"]) == ("legacy", "replica")
