"""One version of the flag document: numbered, chained to the one before it, with who made it and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from pydantic import ValidationError

from crossover.flags.model import Document

FIRST = ""
"""`previous` of the first version."""


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed the document, when, why, and by which request. `action` is a word such as `kill`."""

    who: str
    why: str
    at: datetime
    action: str = "put"
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """`number` counts from 1; `previous` is the digest of the version that this one replaces.

    The digests make a chain: a store that came back with an older snapshot, and was then written to, shows.
    `content` is what was written, to the letter: a later release with other defaults still knows it again.
    """

    number: int
    previous: str
    document: Document
    change: Change
    digest: str
    content: Mapping[str, Any]

    @property
    def etag(self) -> str:
        return f'"{self.number}-{self.digest[:12]}"'

    @classmethod
    def of(cls, number: int, previous: str, document: Document, change: Change) -> Self:
        content = {
            "number": number,
            "previous": previous,
            "document": document.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            "change": {**asdict(change), "at": change.at.isoformat()},
        }
        return cls(number, previous, document, change, _digest(content), content)

    @classmethod
    def first(cls, document: Document, change: Change) -> Self:
        return cls.of(1, FIRST, document, change)

    def followed_by(self, document: Document, change: Change) -> Version:
        return Version.of(self.number + 1, self.digest, document, change)

    def to_json(self) -> dict[str, Any]:
        return {**self.content, "digest": self.digest}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Raises ValueError for what is no version, or one whose digest is not its own."""
        try:
            content = {key: value[key] for key in ("number", "previous", "document", "change")}
            change = Change(**{**content["change"], "at": datetime.fromisoformat(content["change"]["at"])})
            document = Document.model_validate(content["document"])
            number, previous = int(content["number"]), str(content["previous"])
        except (KeyError, TypeError, AttributeError, ValidationError) as error:
            raise ValueError(f"this is no version of a flag document: {error}") from None
        if _digest(content) != value.get("digest"):
            raise ValueError(f"version {number} is not what it was when it was written")
        return cls(number, previous, document, change, value["digest"], content)


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
