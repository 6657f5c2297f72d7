"""Kubeconfig files, read by Kubernetes' own library: it knows all the ways in that they can name."""

from __future__ import annotations

from pathlib import Path

from kubernetes.aio import client, config

from crossover.kubernetes.access import Configuration


async def read_kubeconfig(path: Path | None, context: str | None) -> Configuration:
    """
    Args:
        path: None: where kubectl looks.
        context: None: the file's current one.

    Raises:
        OSError, ValueError: the file, or what it names, cannot be used.
    """
    found = client.Configuration()
    file = str(path) if path else None
    try:
        await config.load_kube_config(file, context, found, persist_config=False)  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise ValueError(str(error)) from error
    return Configuration(
        host=found.host,
        authorization=found.api_key.get("BearerToken"),
        ssl_ca_cert=found.ssl_ca_cert,
        ca_cert_data=found.ca_cert_data,
        cert_file=found.cert_file,
        key_file=found.key_file,
        verify_ssl=found.verify_ssl,
        tls_server_name=found.tls_server_name,
        proxy=found.proxy,
    )
