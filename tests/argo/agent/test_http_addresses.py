"""Which addresses an http task reaches, and which never."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from bridge.argo.agent.http.addresses import refusal


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.170.2",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:127.0.0.1",  # IPv4-mapped
        "::ffff:169.254.169.254",
        "::127.0.0.1",  # IPv4-compatible
        "64:ff9b::a9fe:a9fe",  # NAT64
        "2002:7f00:1::",  # 6to4
        "2001:0:7f00:1::",  # Teredo's server
    ],
)
def test_what_nobody_should_reach_through_the_agent_is_refused(address: str) -> None:
    assert refusal(address)


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "192.168.1.1", "172.16.0.1", "93.184.215.14", "fd12::1", "2606:2800::1"]
)
def test_services_of_the_cluster_and_of_the_world_are_not(address: str) -> None:
    assert refusal(address) is None


def test_an_operator_refuses_more() -> None:
    refuse = [ip_network("10.1.0.0/16"), ip_network("fd12::/64")]
    assert refusal("10.1.2.3", refuse) == "refused by the agent's settings"
    assert refusal("::ffff:10.1.2.3", refuse)
    assert refusal("fd12::1", refuse)
    assert refusal("10.2.0.1", refuse) is None


def test_what_is_allowed_expressly_is_not_looked_at_further() -> None:
    allow = [ip_network("127.0.0.0/8")]
    assert refusal("127.0.0.1", allow=allow) is None
    assert refusal("::1", allow=allow)
    assert refusal("169.254.169.254", allow=allow)
