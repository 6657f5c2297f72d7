"""Header values that are kept in Secrets: one is read when it is needed, with the agent's own rights."""

from __future__ import annotations

import asyncio
import base64
import binascii

from bridge.argo.agent.http.problems import Unable, Unsuccessful
from bridge.argo.agent.http.request import SecretKey, checked_value
from crossover.kubernetes.client import KubernetesClient, Object
from crossover.kubernetes.errors import ApiError, Away, Denied, Missing

TRIES = 3
PAUSE = 0.5
"""Seconds between tries while the API is away."""


async def read_secret(api: KubernetesClient, namespace: str, where: SecretKey, header: str) -> str:
    """The value for `header`. Raises Unable and Unsuccessful, whose words never hold the value."""
    secret = await _get(api, namespace, where.name)
    data = secret.get("data") or {}
    if where.key not in data:
        raise Unable(f"secret {where.name} in namespace {namespace} has no key {where.key}")
    try:
        value = base64.b64decode(data[where.key]).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise Unable(f"secret {where.name} in namespace {namespace}: {where.key} is no text") from None
    return checked_value(header, value)


async def _get(api: KubernetesClient, namespace: str, name: str) -> Object:
    for left in reversed(range(TRIES)):
        try:
            return await api.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
        except Missing:
            raise Unable(f"there is no secret {name} in namespace {namespace}") from None
        except Denied:
            raise Unable(
                f"the agent may not read secret {name} in namespace {namespace}: grant `get` on it by name"
            ) from None
        except Away:
            if left:
                await asyncio.sleep(PAUSE)
        except ApiError:
            break
    raise Unsuccessful(f"secret {name} in namespace {namespace} cannot be read now")
