"""One leader at a time, whatever happens to clocks, networks and rivals. Against a real API server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from bridge.argo.agent.election import Election, Terms, clock, identity, lease_name
from crossover.kubernetes.access import from_kubeconfig
from crossover.kubernetes.client import KubernetesClient
from testbed.kubernetes.admin import LEASES, Admin
from tests.argo.agent.elections import (
    FAST,
    LEASE,
    LONG,
    Candidate,
    History,
    candidates,
    free_lease,
    hurried,
    leader,
    spec_of,
    through,
    until,
    until_led,
)
from tests.argo.conftest import Cluster
from tests.proxy import Proxy


async def renewed(candidate: Candidate) -> None:
    """Once more, from now on."""
    good_until = clock() + LONG.duration - LONG.margin
    await until(lambda: candidate.election.remaining() + clock() >= good_until)


def port_of(cluster: Cluster) -> int:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    server = urlsplit(str(config["clusters"][0]["cluster"]["server"]))
    if server.hostname != "127.0.0.1" or not server.port:
        pytest.skip("a cluster elsewhere cannot be reached by way of a proxy of ours")
    return server.port


async def test_a_lease_without_a_holder_is_taken_at_once(
    control_plane: Cluster, admin: Admin, namespace: str
) -> None:
    await free_lease(admin, namespace)
    began = clock()
    async with candidates(control_plane.kubeconfig, namespace, 1, LONG) as (only,):
        await until(only.election.may_write)
        spec = await spec_of(admin, namespace)
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (
            only.name,
            LONG.duration,
            1,
        )
        valid = LONG.duration - LONG.margin
        assert only.election.remaining() <= valid
        assert only.election.remaining() + clock() >= began + valid


async def test_a_lease_that_is_not_there_may_have_been_deleted_so_its_maker_waits_too(
    control_plane: Cluster, namespace: str
) -> None:
    async with candidates(control_plane.kubeconfig, namespace, 2) as both:
        assert await until(lambda: leader(both)) >= FAST.duration


async def test_after_a_clean_shutdown_a_successor_does_not_wait_for_the_lease_to_run_out(
    control_plane: Cluster, admin: Admin, namespace: str
) -> None:
    await free_lease(admin, namespace)
    async with candidates(control_plane.kubeconfig, namespace, 2, LONG) as both:
        first = await until_led(both)
        await first.stop()
        assert not first.election.may_write()
        await until_led(both)
        assert (await spec_of(admin, namespace))["leaseTransitions"] == 2


async def test_a_dead_leaders_successor_waits_for_one_duration(
    control_plane: Cluster, admin: Admin, namespace: str, tmp_path: Path
) -> None:
    """Dead for the API: nothing of it arrives any more, and it does not say goodbye."""
    await free_lease(admin, namespace)
    async with (
        Proxy(port_of(control_plane)) as proxy,
        candidates(through(control_plane.kubeconfig, proxy.port, tmp_path), namespace, 1) as (dead,),
    ):
        await until(dead.election.may_write)
        async with candidates(control_plane.kubeconfig, namespace, 1) as (heir,):
            async with History([dead, heir]).recorded() as history:
                await until(lambda: history.leaders)
                await proxy.refuse()
                await until(lambda: history.leaders[-1] == heir.name)
            assert history.overlaps == []
            assert hurried(history.writes) == []


@pytest.mark.parametrize("count", [2, 5])
async def test_no_two_candidates_may_ever_write_while_the_api_is_away_for_longer_than_the_lease(
    control_plane: Cluster, admin: Admin, namespace: str, tmp_path: Path, count: int
) -> None:
    await free_lease(admin, namespace)
    async with (
        Proxy(port_of(control_plane)) as proxy,
        candidates(through(control_plane.kubeconfig, proxy.port, tmp_path), namespace, count) as all_of_them,
        History(all_of_them).recorded() as history,
    ):
        await until_led(all_of_them)
        for mode in ("freeze", "drop_replies"):
            proxy.mode = mode
            await until(lambda: not leader(all_of_them))
            await asyncio.sleep(FAST.duration)  # the time itself is what is tested
            proxy.mode = "forward"
            await until_led(all_of_them)
        await (await until_led(all_of_them)).stop()
        await until(lambda: len(set(history.leaders)) >= 2)
    assert history.overlaps == []


async def test_the_times_in_the_lease_play_no_part(
    control_plane: Cluster, admin: Admin, namespace: str
) -> None:
    """A holder whose clock is years behind is waited for as long as one whose clock is right."""
    for year in ("1999", "2999"):
        await free_lease(admin, namespace)
        now = f"{year}-01-01T00:00:00.000000Z"
        held = {"holderIdentity": "other", "leaseDurationSeconds": 2, "acquireTime": now, "renewTime": now}
        await admin.patch(LEASES, LEASE, {"spec": held}, namespace)
        async with candidates(control_plane.kubeconfig, namespace, 1) as (rival,):
            assert await until(rival.election.may_write) >= 2
        await admin.delete(LEASES, LEASE, namespace)


async def test_the_holders_own_duration_counts_not_the_rivals(
    control_plane: Cluster, admin: Admin, namespace: str
) -> None:
    await free_lease(admin, namespace)
    held = {"holderIdentity": "other", "leaseDurationSeconds": 4}
    await admin.patch(LEASES, LEASE, {"spec": held}, namespace)
    async with candidates(control_plane.kubeconfig, namespace, 1) as (rival,):
        assert await until(rival.election.may_write) >= 4


async def test_somebodys_edit_is_a_conflict_but_no_loss(
    control_plane: Cluster, admin: Admin, namespace: str
) -> None:
    await free_lease(admin, namespace)
    async with candidates(control_plane.kubeconfig, namespace, 1, LONG) as (only,):
        await until(only.election.may_write)
        async with History([only]).recorded() as history:
            for number in range(10):
                edit = {"metadata": {"annotations": {"note": str(number)}}}
                await admin.patch(LEASES, LEASE, edit, namespace)
                await renewed(only)
        assert all(who for _, who in history.samples)
        assert only.terms == 1
        await admin.patch(LEASES, LEASE, {"metadata": {"annotations": {"note": "last"}}}, namespace)
    kept = await admin.get(LEASES, LEASE, namespace)
    assert kept["metadata"]["annotations"] == {"note": "last"}
    assert kept["spec"]["holderIdentity"] == ""  # given up, although it had just been edited


async def test_whoever_finds_another_holder_ends_its_term(
    control_plane: Cluster, admin: Admin, namespace: str
) -> None:
    await free_lease(admin, namespace)
    async with candidates(control_plane.kubeconfig, namespace, 1, LONG) as (only,):
        await until(only.election.may_write)
        theirs = {"holderIdentity": "usurper", "leaseDurationSeconds": 1}
        await admin.patch(LEASES, LEASE, {"spec": theirs}, namespace)
        await until(lambda: not only.election.may_write())
        await until(only.election.may_write)
        await until(lambda: only.terms == 2)  # it may write a moment before its work begins


async def test_a_deleted_lease_ends_the_term_and_nobody_leads_for_one_duration(
    control_plane: Cluster, admin: Admin, namespace: str
) -> None:
    await free_lease(admin, namespace)
    async with (
        candidates(control_plane.kubeconfig, namespace, 3) as three,
        History(three).recorded() as history,
    ):
        await until_led(three)
        deleted = clock()
        await admin.delete(LEASES, LEASE, namespace)
        await until(lambda: not leader(three))
        await until_led(three)
        assert clock() - deleted >= FAST.duration
    assert history.overlaps == []


async def test_lead_is_cancelled_and_has_ended_before_the_lease_is_given_up(
    control_plane: Cluster, admin: Admin, namespace: str
) -> None:
    """The last words of a leader are still its own to write."""
    await free_lease(admin, namespace)
    api = KubernetesClient(from_kubeconfig(control_plane.kubeconfig))
    election = Election(api, namespace, LEASE, identity("pod"), LONG)
    last: list[tuple[bool, str]] = []

    async def lead() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            spec = await spec_of(admin, namespace)
            last.append((election.may_write(), spec["holderIdentity"]))

    task = asyncio.create_task(election.run(lead))
    await until(election.may_write)
    task.cancel()
    await asyncio.wait((task,))
    assert last[0][0]
    assert last[0][1].startswith("pod_")
    assert (await spec_of(admin, namespace))["holderIdentity"] == ""
    await api.close()


@pytest.mark.parametrize("ends", ["returns", "raises"])
async def test_run_ends_as_lead_does_and_gives_the_lease_up(
    control_plane: Cluster, admin: Admin, namespace: str, ends: str
) -> None:
    await free_lease(admin, namespace)
    api = KubernetesClient(from_kubeconfig(control_plane.kubeconfig))
    election = Election(api, namespace, LEASE, identity("pod"), LONG)

    async def lead() -> None:
        if ends == "raises":
            raise LookupError("a bug")

    outcome = (await asyncio.gather(election.run(lead), return_exceptions=True))[0]
    assert isinstance(outcome, LookupError) == (ends == "raises")
    assert (await spec_of(admin, namespace))["holderIdentity"] == ""
    assert not election.may_write()
    await api.close()


def test_terms_that_leave_no_time_for_a_renewal_are_refused() -> None:
    with pytest.raises(ValueError, match="before its margin begins"):
        Terms(duration=5, renew=3, margin=2)


def test_shards_have_leases_of_their_own_and_processes_have_names_of_their_own() -> None:
    assert (lease_name(), lease_name(1, 3)) == ("crossover-agent", "crossover-agent-1-of-3")
    assert identity("pod-0") != identity("pod-0")
