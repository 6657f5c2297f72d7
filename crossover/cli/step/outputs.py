"""Files that Argo reads: output parameters, the run's view, and the progress file."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

RESULT = "result"
"""The file with the whole result as JSON."""

LONGEST_NAME = 200
_PROGRESS = re.compile(r"(\d{1,15})/(\d{1,15})(?!\d)")


def valid_name(name: str) -> bool:
    """Whether an output parameter's name can be a file's name inside the outputs directory."""
    return (
        name not in ("", ".", "..")
        and "/" not in name
        and name.isprintable()
        and len(name.encode("utf-8", "replace")) <= LONGEST_NAME
    )


def missing(declared: dict[str, str], parameters: dict[str, str] | None) -> list[str]:
    """Declared outputs that the run did not produce, as `name (pointer)`."""
    found = parameters or {}
    return [f"{name} ({pointer})" for name, pointer in declared.items() if name not in found]


def write_outputs(directory: Path, parameters: dict[str, str], result: object) -> list[str]:
    """One file per parameter, and the result. Returns the names that cannot be files. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    skipped = []
    for name, value in parameters.items():
        if valid_name(name) and name != RESULT:
            replace(directory / name, encode(value))
        else:
            skipped.append(name)
    replace(directory / RESULT, to_json(result))
    return skipped


def to_json(value: object) -> bytes:
    return encode(json.dumps(value, ensure_ascii=False))


def encode(text: str) -> bytes:
    """UTF-8. A lone surrogate, which JSON can carry and UTF-8 cannot, stays as its JSON escape."""
    return text.encode("utf-8", "backslashreplace")


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a reader never sees half of it. Mode 0644. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def argo_progress(progress: str | None) -> str | None:
    """The `N/M` that Argo accepts as a node's progress (0 ≤ N ≤ M, M > 0: pkg/apis/workflow/v1alpha1)."""
    found = _PROGRESS.match(progress or "")
    if found is None:
        return None
    done, total = int(found[1]), int(found[2])
    return f"{done}/{total}" if total > 0 and done <= total else None


def write_progress(path: Path, progress: str) -> None:
    """In place, not by rename: Argo's executor watches this very file. Raises OSError."""
    path.write_text(progress + "\n", encoding="ascii")
