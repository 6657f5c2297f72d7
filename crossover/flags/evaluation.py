"""What evaluating a flag says, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crossover.flags.model import Reason, Variant


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome for one flag and context.

    Args:
        rule: which rule decided, as a path into the document: `kill`, `flags.<flag>.kill`,
            `flags.<flag>.deny[0]`, `...allow[1]`, `...rollout[0]`, or `default`.
        bucket: 0..99,999, the tenant's place in the rollout that decided; None when none was asked.
        config_version: of the document; 0 when there is none.
    """

    flag: str
    variant: Variant
    reason: Reason
    rule: str
    config_version: int
    bucket: int | None = None

    @property
    def value(self) -> bool:
        return self.variant.value_of_flag

    def to_json(self) -> dict[str, Any]:
        return {
            "flag": self.flag,
            "value": self.value,
            "variant": self.variant.value,
            "reason": self.reason.value,
            "rule": self.rule,
            "config_version": self.config_version,
        }
