"""Where the Kubernetes API and our credentials are found, and that credentials are read again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from crossover.kubernetes.access import Access, from_kubeconfig, from_url, in_cluster, tls_context
from crossover.kubernetes.client import KubernetesClient
from crossover.kubernetes.errors import Denied
from testbed.pod_logs import PodLogServer

POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def kubeconfig(folder: Path, server: str, **user: str) -> Path:
    path = folder / "config"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def service_account(folder: Path, token: str) -> Path:
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_text("certificates")
    return folder


async def test_a_kubeconfig_gives_address_and_token_and_its_token_file_may_change(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    async with PodLogServer.started() as server:
        client = KubernetesClient(from_kubeconfig(kubeconfig(tmp_path, server.url, tokenFile=str(token))))
        for known in ("first", "second"):
            token.write_text(known)
            await server.rights([known])
            assert (await client.get("/api/v1/namespaces/default/pods"))["items"] == []
        await server.rights(["third"])
        with pytest.raises(Denied, match="401"):
            await client.get("/api/v1/namespaces/default/pods")
        await client.close()


async def test_in_a_pod_its_service_account_is_used(tmp_path: Path) -> None:
    access = in_cluster(POD, service_account(tmp_path, "first"))
    assert (await access.configuration()).host == "https://10.0.0.1:443"
    before = await access.headers()
    assert before["Authorization"].lower() == "bearer first"
    assert not await access.forget(before)
    service_account(tmp_path, "second")
    assert await access.headers() == before
    assert await access.forget(before)
    assert (await access.headers())["Authorization"].lower() == "bearer second"


async def test_without_a_token_we_are_anonymous() -> None:
    assert await from_url("http://127.0.0.1:1/").headers() == {}


@pytest.mark.parametrize("missing", ["kubeconfig", "token", "pod"])
async def test_a_configuration_that_is_not_there_is_said(tmp_path: Path, missing: str) -> None:
    accesses: dict[str, Access] = {
        "kubeconfig": from_kubeconfig(tmp_path / "none"),
        "token": from_url("http://127.0.0.1:1", tmp_path / "none"),
        "pod": in_cluster({}, tmp_path),
    }
    with pytest.raises(Denied):
        await accesses[missing].headers()


async def test_a_certificate_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    access = in_cluster(POD, service_account(tmp_path, "t"))
    with pytest.raises(Denied):
        tls_context(await access.configuration())
