"""Evaluating flags: a document made ready once, then asked for every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crossover.flags.bucket import bucket
from crossover.flags.evaluation import Evaluation
from crossover.flags.explanation import Step, explain
from crossover.flags.model import Context, Document, Flag, Reason, Split, Variant, When
from crossover.flags.rules import naming
from crossover.flags.share import salt_of, thresholds, variant_at

_Words = frozenset[str] | None  # None: every value


@dataclass(frozen=True, slots=True)
class _Condition:
    app: _Words
    connector: _Words
    environment: _Words

    @classmethod
    def of(cls, when: When) -> _Condition:
        words = (when.app, when.connector, when.environment)
        return cls(*(frozenset(some) or None for some in words))

    def holds(self, context: Context) -> bool:
        return (
            (self.app is None or context.app in self.app)
            and (self.connector is None or context.connector in self.connector)
            and (self.environment is None or context.environment in self.environment)
        )


@dataclass(frozen=True, slots=True)
class _Share:
    """A split, in buckets: below `crossover` crossover, below `both` shadow."""

    rule: str
    condition: _Condition
    crossover: int
    both: int

    @classmethod
    def of(cls, rule: str, split: Split) -> _Share:
        return cls(rule, _Condition.of(split.when), *thresholds(split))


@dataclass(frozen=True, slots=True)
class _Ready:
    """One flag. `named`: deny before allow, by the tenants they name, so that length costs nothing."""

    name: str
    salt: str
    killed: Evaluation | None
    named: Mapping[str, list[tuple[_Condition, Evaluation]]]
    shares: tuple[_Share, ...]
    default: Evaluation


class Evaluator:
    """Answers for one version of the document.

    Args:
        number: the version's, told in every evaluation; 0 when there is none.
        document: what decides. It is not read again.
    """

    def __init__(self, number: int, document: Document) -> None:
        self.number = number
        self.document = document
        self._flags = {name: self._ready(name, flag) for name, flag in document.flags.items()}

    def evaluate(self, flag: str, context: Context) -> Evaluation:
        """Raises KeyError for a flag that the document does not have."""
        ready = self._flags[flag]
        if ready.killed is not None:
            return ready.killed
        for condition, evaluation in ready.named.get(context.tenant, ()):
            if condition.holds(context):
                return evaluation
        for share in ready.shares:
            if share.condition.holds(context):
                return self._dealt(ready, share, context.tenant)
        return ready.default

    def explain(self, flag: str, context: Context) -> list[Step]:
        """Every rule in the order it is asked, and why it decided or not. Raises KeyError like evaluate."""
        return explain(self.document, flag, context)

    def _dealt(self, ready: _Ready, share: _Share, tenant: str) -> Evaluation:
        place = bucket(ready.salt, tenant)
        variant = variant_at(place, share.crossover, share.both)
        return Evaluation(ready.name, variant, Reason.SPLIT, share.rule, self.number, place)

    def _ready(self, name: str, flag: Flag) -> _Ready:
        path = f"flags.{name}"
        return _Ready(
            name,
            salt_of(name, flag),
            self._killed(name, flag),
            self._named(name, flag),
            tuple(_Share.of(f"{path}.rollout[{at}]", split) for at, split in enumerate(flag.rollout)),
            Evaluation(name, Variant.LEGACY, Reason.DEFAULT, "default", self.number),
        )

    def _killed(self, name: str, flag: Flag) -> Evaluation | None:
        if not (self.document.kill or flag.kill):
            return None
        rule = "kill" if self.document.kill else f"flags.{name}.kill"
        return Evaluation(name, Variant.LEGACY, Reason.DISABLED, rule, self.number)

    def _named(self, name: str, flag: Flag) -> dict[str, list[tuple[_Condition, Evaluation]]]:
        named: dict[str, list[tuple[_Condition, Evaluation]]] = {}
        for place, rule, variant in naming(flag):
            evaluation = Evaluation(
                name, variant, Reason.TARGETING_MATCH, f"flags.{name}.{place}", self.number
            )
            entry = (_Condition.of(rule.when), evaluation)
            for tenant in dict.fromkeys(rule.tenants):
                named.setdefault(tenant, []).append(entry)
        return named
