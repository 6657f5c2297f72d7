"""What a newcomer waits for: the demo's second run, and the test suite."""

from __future__ import annotations

import time

from bench.figures import Figure, figure
from testbed.servers import Program


async def measure_demo() -> list[Figure]:
    await _timed("demo")
    return [figure("demo_warm_s", await _timed("demo"), "s", "<= 20")]


async def measure_tests() -> list[Figure]:
    return [figure("test_s", await _timed("test"), "s", "<= 360")]


async def _timed(target: str) -> float:
    program = Program(["make", target])
    began = time.perf_counter()
    await program.start()
    code = await program.wait(within=1200)
    assert code == 0, f"make {target} exited with {code}"
    return time.perf_counter() - began
