"""How often callbacks and the orphan sweep look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """`window` and `looks_per_second` are an operator's, explained in `bridge.settings`. Times are seconds.

    Args:
        backlog_interval: between looks for closed runs in Temporal; and the least age of what is taken over
            from other replicas: by then a living one has delivered it.
        again: between looks at a failed run's workflow. `argo retry` makes the suspend node wait again, for a
            run that is over; unless it is told once more, it would wait for good.
        takes_not: refusals of an active node after which it is completed without outputs. They take half a
            minute, which is longer than Argo's own conflicts last.
        orphans_interval: between looks at one workflow, while there are few.
    """

    window: float = 86_400.0
    looks_per_second: float = 20.0
    backlog_interval: float = 5.0
    again: float = 60.0
    takes_not: int = 8
    orphans_interval: float = 10.0
