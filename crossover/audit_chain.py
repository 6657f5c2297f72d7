"""The chain that makes tampering with the audit show, and what must never get into it. Pure.

Every writer hashes each of its entries together with the hash of its entry before. What that shows, once the
links of the chains' ends are known (`Link`), is any entry that was changed, dropped, added or moved. What it
cannot show: the hash has no key, so whoever may write to the store can rewrite a chain from some entry to its
end, with the links beside it. The log line of each batch holds its last link: logs that are shipped elsewhere
tell of that too.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from crossover.audit import Entry, Event

VALUE_LIMIT = 4096
"""Bytes of JSON kept of an event's `before`, and of its `after`."""

TEXT_LIMIT = 1024
"""Characters kept of an event's texts."""

REDACTED = "(redacted)"
OMITTED = f"(omitted: more than {VALUE_LIMIT} bytes)"

_MAX_DEPTH = 32
_MAX_SENTENCES = 100
_SECRET_KEY = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|authorization|cookie|(api|access|private|signing).?key",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)*"  # a JWT
    r"|\b(?:Bearer|Basic)\s+[\w.~+/=-]{6,}"
    r"|-----BEGIN [A-Z ]+-----(?:.*?-----END [A-Z ]+-----|.*)"
    r"|(?<=://)[^\s/@]+(?=@)"  # the login of a URL
    r"|\b(?:gh[opsu]_|github_pat_|glpat-|xox[abprs]-|sk-|AKIA)[\w-]{16,}"
    # A long run with many capitals and some digits: random bits in base64, such as our own tokens.
    r"|(?<![\w+-])(?=(?:[a-z0-9_+-]*[A-Z]){6})(?=(?:[A-Za-z_+-]*[0-9]){2})[A-Za-z0-9_+-]{40,}={0,2}",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Link:
    """A place in a writer's chain: the number of an entry, and its hash."""

    number: int
    hash: str


START = Link(0, "")
"""What the first entry of a chain follows."""


def seal(event: Event, writer: str, number: int, previous: str, at: datetime) -> Entry:
    """The entry of `event`, without an id: that is its place in a store, which gives it."""
    entry = Entry("", at, writer, number, previous, "", event)
    return replace(entry, hash=hash_of(entry))


def hash_of(entry: Entry) -> str:
    """SHA-256 of all but the id and the hash itself, as canonical JSON."""
    content = {key: value for key, value in entry.to_json().items() if key not in ("id", "hash")}
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def to_line(entry: Entry) -> str:
    """The entry as stores keep it: one line of JSON, without the id."""
    return _canonical({key: value for key, value in entry.to_json().items() if key != "id"})


def from_line(line: str | bytes, id: str) -> Entry:
    """The entry of a line, be its hash right or not. Raises ValueError for what is no entry."""
    try:
        value = json.loads(line, parse_constant=_refuse, parse_float=_finite)
        event = Event(
            **{key: str(value[key]) for key in ("who", "tenant", "action", "subject", "why", "request_id")},
            before=value["before"],
            after=value["after"],
            outcome=str(value["outcome"]),
        )
        return Entry(
            id=id,
            at=datetime.fromisoformat(value["at"]),
            writer=str(value["writer"]),
            number=int(value["number"]),
            previous=str(value["previous"]),
            hash=str(value["hash"]),
            event=event,
        )
    except (KeyError, TypeError, RecursionError, UnicodeDecodeError, OverflowError) as error:
        raise ValueError(f"this is no audit entry: {error!r}") from None


class Chains:
    """Looks at entries one by one, in the order of their store, and tells what is wrong with their chains.

    Args:
        anchors: by writer, the last entry that the store let go of to keep its size; chains go on from there.
        heads: by writer, the last entry that the store was given; None for a store that does not know.
        witnesses: by writer, an entry that somebody saw written.
    """

    def __init__(
        self,
        anchors: Mapping[str, Link] | None = None,
        heads: Mapping[str, Link] | None = None,
        witnesses: Mapping[str, Link] | None = None,
    ) -> None:
        self._last: dict[str, Link] = dict(anchors or {})
        self._heads = heads
        self._marks: defaultdict[str, dict[int, str]] = defaultdict(dict)
        for writer, link in (*(heads or {}).items(), *(witnesses or {}).items()):
            self._marks[writer][link.number] = link.hash
        self._started: set[str] = set()
        self._sentences: list[str] = []
        self._untold = 0

    def add(self, entry: Entry) -> None:
        """The next entry of the store."""
        if not _intact(entry):
            self.tell(f"{_name(entry)} was changed: its hash is not that of its content.")
        last = self._last.get(entry.writer, START)
        if entry.number <= last.number:
            self.tell(f"{_name(entry)} stands after entry {last.number}: it was moved, added or copied.")
            return
        if entry.number > last.number + 1:
            self._missing(entry.writer, last.number + 1, entry.number - 1)
        elif entry.previous != last.hash:
            self.tell(f"{_name(entry)} does not follow the entry before it: one of the two was replaced.")
        self._go_to(entry.writer, Link(entry.number, entry.hash))

    def anchor(self, writer: str, link: Link) -> None:
        """The store says that a chain goes on from here; heard only before the chain's own entries."""
        if writer not in self._started:
            self._go_to(writer, link)

    def trimmed(self, anchors: Mapping[str, Link]) -> None:
        """The store has let go of more since; what it let go of can no longer be looked at."""
        for writer, anchor in anchors.items():
            head = (self._heads or {}).get(writer, START)
            link = min(anchor, head, key=lambda link: link.number)
            if link.number > self._last.get(writer, START).number:
                self._go_to(writer, link)

    def tell(self, sentence: str) -> None:
        """Something else is wrong."""
        if len(self._sentences) < _MAX_SENTENCES:
            self._sentences.append(sentence)
        else:
            self._untold += 1

    def problems(self) -> list[str]:
        """What is wrong, a sentence each, now that all entries were seen; the first hundred."""
        for writer, marks in self._marks.items():
            last, end = self._last.get(writer, START).number, max(marks)
            if last < end:
                self._missing(writer, last + 1, end)
        for writer, link in self._last.items():
            if self._heads is not None and link.number > self._heads.get(writer, START).number:
                self.tell(f"Entries of writer {writer} up to {link.number} were added behind its last one.")
        return [*self._sentences, *([f"{self._untold} further faults."] if self._untold else [])]

    def _go_to(self, writer: str, link: Link) -> None:
        self._started.add(writer)
        self._last[writer] = link
        if self._marks.get(writer, {}).get(link.number, link.hash) != link.hash:
            self.tell(f"Entry {link.number} of writer {writer} is not the one that was written.")

    def _missing(self, writer: str, first: int, last: int) -> None:
        which = f"Entry {first} of writer {writer} is" if first == last else _entries(writer, first, last)
        self.tell(f"{which} missing.")


def check(
    entries: Iterable[Entry],
    anchors: Mapping[str, Link] | None = None,
    heads: Mapping[str, Link] | None = None,
) -> list[str]:
    """What is wrong with these entries, oldest first; see Chains."""
    chains = Chains(anchors, heads)
    for entry in entries:
        chains.add(entry)
    return chains.problems()


def safe(event: Event) -> Event:
    """The event as it may be kept: without secrets, bounded, and as JSON of UTF-8."""
    texts = {
        key: redacted_text(str(value))[:TEXT_LIMIT]
        for key, value in asdict(replace(event, before=None, after=None)).items()
        if value is not None
    }
    return Event(**texts, before=redacted(event.before), after=redacted(event.after))


def redacted(value: Any) -> Any:
    """A JSON value like `value` without secrets: what has a secret's name, and what looks like a token.

    Values of more than 4 KiB are left out whole, so that what is kept is never half of something. What JSON
    cannot say is named by its type.
    """
    try:
        found = _Redaction().of(value, 0)
        return found if len(_canonical(found)) <= VALUE_LIMIT else OMITTED
    except _TooLarge:
        return OMITTED


def redacted_text(text: str) -> str:
    """The text without what looks like a token, and without what UTF-8 cannot say."""
    # Ten times the limit: a token that the limit would cut in two is still whole, and the search is bounded.
    speakable = text[: 10 * VALUE_LIMIT].encode("utf-8", "backslashreplace").decode()
    return _SECRET_TEXT.sub(REDACTED, speakable)


class _TooLarge(Exception): ...


class _Redaction:
    """One walk through a value: it ends after as many parts as the limit could hold."""

    def __init__(self) -> None:
        self._left = VALUE_LIMIT // 2

    def of(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _MAX_DEPTH:
            raise _TooLarge
        match value:
            case str():
                return redacted_text(value)
            case None | bool():
                return value
            case int():
                return value if abs(value) < 2**63 else "(a large number)"
            case float():
                return value if math.isfinite(value) else str(value)
            case Mapping():
                return {redacted_text(str(key)): self._under(key, item, depth) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.of(item, depth + 1) for item in value]
            case datetime():
                return value.isoformat()
        return f"({type(value).__name__})"

    def _under(self, key: object, item: Any, depth: int) -> Any:
        if _SECRET_KEY.search(str(key)) and item is not None and not isinstance(item, bool):
            return REDACTED
        return self.of(item, depth + 1)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _finite(text: str) -> float:
    return number if math.isfinite(number := float(text)) else _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _intact(entry: Entry) -> bool:
    try:
        return hash_of(entry) == entry.hash
    except (ValueError, RecursionError):
        return False


def _name(entry: Entry) -> str:
    return f"Entry {entry.number} of writer {entry.writer}"


def _entries(writer: str, first: int, last: int) -> str:
    return f"Entries {first} to {last} of writer {writer} are"
