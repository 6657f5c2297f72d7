"""A candidate in a process of its own: it prints when it may write, by the machine's one clock.

python -m tests.argo.agent.candidate KUBECONFIG NAMESPACE NAME
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from bridge.argo.agent.election import Election, clock, identity
from crossover.kubernetes.access import from_kubeconfig
from crossover.kubernetes.client import KubernetesClient
from tests.argo.agent.elections import FAST, LEASE


async def main(kubeconfig: Path, namespace: str, name: str) -> None:
    api = KubernetesClient(from_kubeconfig(kubeconfig))
    election = Election(api, namespace, LEASE, identity(name), FAST)

    async def lead() -> None:
        while True:
            at = clock()  # before the question: the process may be stopped between the two
            if election.may_write():
                print(f"may_write={at}", flush=True)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(election.run(lead))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait((task,))
    await api.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:4]))
