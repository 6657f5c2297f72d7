"""`make bench`: measures the figures whose names begin with `--only`, or all of them."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable

from bench import (
    agent,
    callbacks,
    cluster,
    feeds,
    filters,
    flags,
    plugin,
    reviews,
    starts,
    steps,
    waits,
    whole,
)
from bench.figures import Figure, save, show
from bench.rig import leave

Measure = Callable[[], Awaitable[list[Figure]]]

SUITES: dict[tuple[str, ...], Measure] = {
    ("start_throughput_ratio", "start_latency_p50_ratio", "start_per_s"): starts.measure,
    ("notify_500_p50_ms", "notify_500_p99_ms"): waits.measure_500,
    ("waits_5000_", "waits_1000_"): waits.measure_5000,
    ("step_start_ms", "step_rss_mb"): steps.measure,
    ("bridge_idle_mb", "bridge_ready_s", "streamer_idle_mb"): cluster.measure_pods,
    ("filter_mb_per_s",): filters.measure,
    ("feed_lines_per_s", "feed_rss_growth_mb"): feeds.measure_throughput,
    ("feed_200_viewers_",): feeds.measure_viewers,
    ("feed_latency_",): feeds.measure_latency,
    ("flag_eval_us",): flags.measure_evaluation,
    ("flag_http_per_s",): flags.measure_http,
    ("flag_propagation_",): flags.measure_propagation,
    ("flag_blackhole_",): flags.measure_blackhole,
    ("tokenreview_",): reviews.measure,
    ("agent_",): agent.measure,
    ("callback_p50_ms",): callbacks.measure,
    ("plugin_polls_per_s", "plugin_bridge_polls_per_s"): plugin.measure,
    ("testbed_ready_s",): cluster.measure_testbed,
    ("image_mb",): cluster.measure_image,
    ("demo_warm_s",): whole.measure_demo,
    ("test_s",): whole.measure_tests,
}


async def run(only: str) -> int:
    missed = 0
    for names, measure in SUITES.items():
        if any(name.startswith(only) or only.startswith(name) for name in names):
            figures = await measure()
            save(figures)
            show(figures)
            missed += sum(not each.met for each in figures)
    return int(missed > 0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", metavar="PREFIX")
    leave(asyncio.run(run(parser.parse_args().only)))


if __name__ == "__main__":
    main()
