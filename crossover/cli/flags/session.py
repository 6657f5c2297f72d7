"""What a command works with: its client, and how it shows things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crossover.cli.flags.output import show_json
from crossover.cli.flags.screen import Screen
from crossover.contract.run import ExitCode
from crossover.errors import TABLE, PreconditionFailed

if TYPE_CHECKING:
    from crossover.cli.flags.client import Client

Json = dict[str, Any]

CONFLICT = TABLE[PreconditionFailed].kind


@dataclass(frozen=True, slots=True)
class Session:
    """`json`: the answer as it came, instead of text for people."""

    client: Client
    screen: Screen
    json: bool

    def flags(self) -> tuple[Json, str]:
        """The version in force, and its ETag."""
        answer = self.client.get("flags")
        return answer.content, answer.etag

    def answered(self, content: Json) -> bool:
        """Shows the answer where JSON was asked for; whether that was so."""
        if self.json:
            show_json(content)
        return self.json


class Stop(Exception):
    """The command ends here, with a sentence and an exit code."""

    def __init__(self, sentence: str, code: int = ExitCode.USAGE) -> None:
        super().__init__(sentence)
        self.code = code
