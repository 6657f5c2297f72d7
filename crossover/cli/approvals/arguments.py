"""Words of the command line as values of the API. Pure; everything raises ValueError with a sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from crossover.cli.flags.options import checked

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")


def approval_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError(
            "an approval's id is letters, digits, '.', '_' and '-': see `crossover approvals list`"
        )
    return value


def details(text: str) -> dict[str, Any]:
    """A JSON object: the text itself, or `@FILE`."""
    try:
        value = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except OSError as error:
        raise ValueError(f"{text[1:]} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")
    return value


def _id(value: str) -> str:
    checked_id: str = checked("ID", value, approval_id)
    return checked_id


Id = Annotated[str, typer.Argument(metavar="ID", callback=_id, show_default=False, help="See `list`.")]
