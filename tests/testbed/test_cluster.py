"""The whole cluster: pods run in it as elsewhere, with names, identities and limits of their rights."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from testbed.kubernetes.cluster import Cluster
from testbed.kubernetes.crds import definitions
from testbed.kubernetes.node.network import NODE, OUTSIDE
from testbed.kubernetes.services import KUBELET
from tests.testbed.cluster_tools import kubectl, pod, refusal, service, shell_image, skip_unless_free

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180, func_only=True)]

AUDIENCE = "crossover"


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Cluster, None]:
    folder = tmp_path_factory.mktemp("cluster")
    skip_unless_free()
    async with Cluster.borrowed(folder / "full") as started:
        await started.load(shell_image(folder / "shell.oci.tar"))
        kubectl(started, "apply", "-f", "-", said={"apiVersion": "v1", "kind": "List", "items": SCENE})
        kubectl(started, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        yield started


TOKEN = {"serviceAccountToken": {"path": "token", "audience": AUDIENCE, "expirationSeconds": 600}}

SCENE = [
    pod(
        "web",
        "echo found > /tmp/index.html; echo started; httpd -f -p 8080 -h /tmp",
        container={"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
        volumes=[{"name": "tmp", "emptyDir": {}}],
    ),
    service("web", 80, 8080),
    pod(
        "client",
        "sleep 3600",
        container={"volumeMounts": [{"name": "token", "mountPath": "/token"}]},
        volumes=[{"name": "token", "projected": {"sources": [TOKEN]}}],
    ),
]

Shell = Callable[[str], str]


@pytest.fixture
def shell(cluster: Cluster) -> Shell:
    """Runs a script in the pod `client`."""
    return lambda script: kubectl(cluster, "exec", "client", "--", "sh", "-c", script)


@pytest.mark.parametrize("name", ["web", "web.default", "web.default.svc", "web.default.svc.cluster.local"])
def test_a_service_is_found_by_its_name(shell: Shell, name: str) -> None:
    assert shell(f"wget -q -O - http://{name}/") == "found\n"


def test_a_name_that_no_service_has_is_not_found(shell: Shell) -> None:
    assert "NXDOMAIN" in shell("nslookup nothing.default.svc.cluster.local || true")


def test_pods_reach_the_api_server_by_its_name(shell: Shell) -> None:
    assert "400 Bad Request" in shell("wget -O - http://kubernetes.default:443/ 2>&1 || true")


def test_what_a_pod_says_is_read_back(cluster: Cluster) -> None:
    assert kubectl(cluster, "logs", "web") == "started\n"


def test_argos_resources_are_known(cluster: Cluster) -> None:
    known = kubectl(cluster, "get", "crd", "--output=name").split()
    assert len(known) == len(definitions())


@pytest.fixture
def outside() -> Generator[str, None, None]:
    """The address of a server on this machine that answers 404 to everybody."""
    handler = partial(SimpleHTTPRequestHandler, directory="/nonexistent")
    with ThreadingHTTPServer((OUTSIDE, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{OUTSIDE}:{server.server_port}"
        server.shutdown()


def test_pods_reach_this_machine_and_no_other(shell: Shell, outside: str) -> None:
    assert "404" in shell(f"wget -O - http://{outside}/ 2>&1 || true")
    assert "No route to host" in shell("wget -O - http://192.0.2.1/ 2>&1 || true")


def review(cluster: Cluster, token: str, audience: str) -> dict[str, Any]:
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, "audiences": [audience]},
    }
    answer = kubectl(cluster, "create", "--filename=-", "--output=json", said=asked)
    status: dict[str, Any] = json.loads(answer)["status"]
    return status


def test_a_projected_token_names_its_pod_to_its_own_audience_only(cluster: Cluster, shell: Shell) -> None:
    token = shell("cat /token/token")
    known = review(cluster, token, AUDIENCE)
    assert known["user"]["username"] == "system:serviceaccount:default:default"
    assert known["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["client"]
    assert "authenticated" not in review(cluster, token, "https://kubernetes.default.svc")


def test_kubelet_reads_the_secrets_of_its_own_pods_only(cluster: Cluster) -> None:
    kubectl(cluster, "create", "secret", "generic", "foreign")
    kubeconfig = cluster.kubeconfig_of(KUBELET)
    assert "Forbidden" in refusal(cluster, "get", "secret", "foreign", kubeconfig=kubeconfig)


def test_kubelet_itself_refuses_whoever_may_not_ask_it(cluster: Cluster) -> None:
    kubectl(cluster, "create", "serviceaccount", "nobody")
    token = kubectl(cluster, "create", "token", "nobody").strip()
    words = ("--insecure-skip-tls-verify", f"--token={token}", "get", "--raw=/pods")
    assert "Forbidden" in refusal(cluster, f"--server=https://{NODE}:10250", *words)


def test_a_restricted_namespace_refuses_pods_that_ask_for_more(cluster: Cluster) -> None:
    kubectl(cluster, "create", "namespace", "strict")
    kubectl(cluster, "label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")
    greedy = pod("greedy", "true", container={"securityContext": {"privileged": True}})
    assert "privileged" in refusal(cluster, "apply", "-n", "strict", "-f", "-", said=greedy)
    kubectl(cluster, "apply", "-n", "strict", "-f", "-", said=pod("modest", "true"))


def test_a_container_that_takes_more_memory_than_it_may_is_ended(cluster: Cluster) -> None:
    limits = {"resources": {"limits": {"memory": "16Mi"}}}
    script = "x=a; while true; do x=$x$x; done"
    kubectl(cluster, "apply", "-f", "-", said=pod("big", script, restartPolicy="Never", container=limits))
    reason = "jsonpath={.status.containerStatuses[0].state.terminated.reason}"
    kubectl(cluster, "wait", f"--for={reason}=OOMKilled", "pod/big", "--timeout=60s")


def uid(cluster: Cluster, name: str) -> str:
    return kubectl(cluster, "get", "pod", name, "--output=jsonpath={.metadata.uid} {.status.podIP}")


@pytest.mark.parametrize("program", ["kube-apiserver", "kubelet", "containerd", "coredns", "kube-proxy"])
async def test_pods_outlive_the_restart_of(program: str, cluster: Cluster, shell: Shell) -> None:
    before, web = cluster.processes()[program].pid, uid(cluster, "web")
    await cluster.restart(program)
    assert cluster.processes()[program].pid != before
    assert uid(cluster, "web") == web
    assert shell("wget -q -O - http://web/") == "found\n"
    restarts = "--output=jsonpath={.status.containerStatuses[0].restartCount}"
    assert kubectl(cluster, "get", "pod", "web", restarts) == "0"


def test_a_drained_node_has_no_pods_until_it_takes_them_again(cluster: Cluster) -> None:
    labels = {"app": "many"}
    template = {"metadata": {"labels": labels}, "spec": pod("many", "sleep 3600")["spec"]}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "many"}, "spec": spec}
    kubectl(cluster, "apply", "-f", "-", said=deployment)
    kubectl(cluster, "rollout", "status", "deployment/many", "--timeout=60s")
    kubectl(cluster, "drain", "node1", "--pod-selector=app=many", "--timeout=60s")
    left = kubectl(cluster, "get", "pods", "-l", "app=many", "--output=jsonpath={.items[*].status.phase}")
    assert left == "Pending Pending"
    kubectl(cluster, "uncordon", "node1")
    kubectl(cluster, "rollout", "status", "deployment/many", "--timeout=60s")


def test_a_namespace_takes_all_that_is_in_it_along(cluster: Cluster) -> None:
    kubectl(cluster, "create", "namespace", "brief")
    kubectl(cluster, "create", "configmap", "kept", "-n", "brief")
    kubectl(cluster, "delete", "namespace", "brief", "--timeout=60s")
    assert "NotFound" in refusal(cluster, "get", "configmap", "kept", "-n", "brief")
