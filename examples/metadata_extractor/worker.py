"""The worker process: `python -m examples.metadata_extractor.worker`.

Environment: TEMPORAL_ADDRESS (127.0.0.1:7233), TEMPORAL_NAMESPACE (default), TASK_QUEUE
(metadata-extractor), LOG_FORMAT (logfmt or json). SIGTERM and SIGINT let running steps finish.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from crossover_sdk import CrossoverPlugin, configure_logging
from examples.metadata_extractor.activities import ALL
from examples.metadata_extractor.workflow import ExtractMetadata

_THREADS = 8
_GRACE = timedelta(seconds=20)


async def work(address: str, namespace: str, task_queue: str) -> None:
    """Work until a signal arrives, then finish what is running, at most for the grace period."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await Client.connect(address, namespace=namespace, plugins=[CrossoverPlugin()])
    with ThreadPoolExecutor(_THREADS) as threads:
        async with Worker(
            client,
            task_queue=task_queue,
            workflows=[ExtractMetadata],
            activities=ALL,
            activity_executor=threads,
            max_concurrent_activities=_THREADS,
            graceful_shutdown_timeout=_GRACE,
        ):
            print(f"worker ready: task queue {task_queue} on {address}", flush=True)
            await stop.wait()


def main() -> int:
    """Run the worker with its settings from the environment."""
    configure_logging("json" if os.environ.get("LOG_FORMAT") == "json" else "logfmt")
    try:
        asyncio.run(
            work(
                os.environ.get("TEMPORAL_ADDRESS", "127.0.0.1:7233"),
                os.environ.get("TEMPORAL_NAMESPACE", "default"),
                os.environ.get("TASK_QUEUE", "metadata-extractor"),
            )
        )
    except Exception:
        logging.getLogger(__name__).exception("the worker stopped")
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # temporalio's native threads may crash the interpreter while it exits, which would turn a graceful
    # stop into a failure: https://github.com/temporalio/sdk-python/issues/300. Return normally once fixed.
    os._exit(code)
