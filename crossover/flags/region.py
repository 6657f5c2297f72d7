"""Which contexts a condition takes, as sets that can be intersected and subtracted exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from crossover.flags.model import When

DIMENSIONS = ("app", "connector", "environment")


@dataclass(frozen=True, slots=True)
class Words:
    """These names, or with `others` every value but these, a value that is not given among them."""

    names: frozenset[str]
    others: bool

    @classmethod
    def of(cls, names: Iterable[str]) -> Words:
        """As a condition means it: no names take everything."""
        some = frozenset(names)
        return cls(some, not some)

    def __bool__(self) -> bool:
        return self.others or bool(self.names)

    def __invert__(self) -> Words:
        return Words(self.names, not self.others)

    def __and__(self, other: Words) -> Words:
        if self.others and other.others:
            return Words(self.names | other.names, True)
        if self.others:
            return Words(other.names - self.names, False)
        return Words(self.names - other.names if other.others else self.names & other.names, False)

    def __or__(self, other: Words) -> Words:
        return ~(~self & ~other)

    def touches(self, other: Words) -> bool:
        """Whether `&` leaves something; asked often, so without making it."""
        if self.others:
            return other.others or not other.names <= self.names
        return not (self.names <= other.names if other.others else self.names.isdisjoint(other.names))

    def __contains__(self, word: str | None) -> bool:
        return (word in self.names) is not self.others


class Region(NamedTuple):
    """The contexts whose app, connector and environment are among these."""

    app: Words
    connector: Words
    environment: Words

    @classmethod
    def of(cls, when: When) -> Region:
        return cls(Words.of(when.app), Words.of(when.connector), Words.of(when.environment))

    @property
    def anywhere(self) -> bool:
        return self == EVERYWHERE

    def meet(self, other: Region) -> Region | None:
        """What both take, None where that is nothing."""
        if not self.touches(other):
            return None
        return Region(*(mine & theirs for mine, theirs in zip(self, other, strict=True)))

    def touches(self, other: Region) -> bool:
        return (
            self.app.touches(other.app)
            and self.connector.touches(other.connector)
            and self.environment.touches(other.environment)
        )

    def minus(self, other: Region) -> list[Region]:
        """What is left without `other`, in pieces that do not overlap."""
        if not self.touches(other):
            return [self]
        pieces, rest = [], self
        for key, mine, theirs in zip(DIMENSIONS, self, other, strict=True):
            if outside := mine & ~theirs:
                pieces.append(rest._replace(**{key: outside}))
            rest = rest._replace(**{key: mine & theirs})
        return pieces

    def within(self, other: Region) -> bool:
        return not self.minus(other)

    def joined(self, other: Region) -> Region | None:
        """Both as one region, where one region can say it."""
        differing = [key for key in DIMENSIONS if getattr(self, key) != getattr(other, key)]
        if len(differing) > 1:
            return None
        return self._replace(**{key: getattr(self, key) | getattr(other, key) for key in differing})

    def to_json(self) -> dict[str, Any]:
        """For each dimension that matters: `{"in": [...]}` or `{"not_in": [...]}`."""
        return {
            key: {"not_in" if words.others else "in": sorted(words.names)}
            for key, words in zip(DIMENSIONS, self, strict=True)
            if words != ANY
        }

    def __str__(self) -> str:
        """`app is billing or sales, connector is not hive`; nothing where everything is taken."""
        return ", ".join(
            f"{key} is {'not ' if words.others else ''}{' or '.join(sorted(words.names))}"
            for key, words in zip(DIMENSIONS, self, strict=True)
            if words != ANY
        )


ANY = Words(frozenset(), True)
EVERYWHERE = Region(ANY, ANY, ANY)


def merged(regions: Sequence[Region]) -> list[Region]:
    """The same contexts in fewer regions."""
    result: list[Region] = []
    waiting = list(regions)
    while waiting:
        region = waiting.pop()
        for other in result:
            if (joined := region.joined(other)) is not None:
                result.remove(other)
                waiting.append(joined)
                break
        else:
            result.append(region)
    return result
