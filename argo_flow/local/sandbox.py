"""A private directory per attempt, and the paths that lead into it.

A container has a file system of its own; a local process has not: `/tmp/outputs/rows` of two steps would be
the same file. Every path that a template declares as an output, and the directory it lies in, is thus moved
below the attempt's directory, wherever it stands in command, args, env, script or working directory:
`/tmp/outputs/rows` becomes `<sandbox>/tmp/outputs/rows`. Other absolute paths are this machine's own.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from argo_flow.graph.templates import Parameter


class Sandbox:
    """`root` is created with a `work` directory for the process and a `tmp` one for its TMPDIR."""

    def __init__(self, root: Path, outputs: tuple[Parameter, ...]) -> None:
        self.root = root
        self.work = root / "work"
        self.tmp = root / "tmp"
        self.script = root / "script"
        self.progress = root / "progress"
        declared = [
            output.value_from.path for output in outputs if output.value_from and output.value_from.path
        ]
        moved = {path for text in declared for path in _moved(PurePosixPath(text))}
        self._pattern = _pattern(moved)
        for directory in (self.work, self.tmp, *(self.inside(path).parent for path in declared)):
            directory.mkdir(parents=True, exist_ok=True)

    def inside(self, path: str) -> Path:
        """Where the container's `path` is on this machine; a relative one is below the working directory."""
        parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
        return (self.root if path.startswith("/") else self.work).joinpath(*parts)

    def directory(self, working_dir: str | None) -> Path:
        """Where the process starts; a template's own working directory is made inside the sandbox."""
        directory = self.inside(working_dir) if working_dir else self.work
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def rewrite(self, text: str) -> str:
        """`text` with every moved path where it is now."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: str(self.root) + match.group(), text)


def _moved(path: PurePosixPath) -> list[str]:
    if not path.is_absolute():
        return []
    parent = [] if path.parent == PurePosixPath("/") else [str(path.parent)]
    return [str(path), *parent]


def _pattern(paths: set[str]) -> re.Pattern[str] | None:
    """Matches the paths as whole path segments: /tmp/out matches in /tmp/out/a, not in /tmp/output."""
    if not paths:
        return None
    longest_first = sorted(paths, key=len, reverse=True)
    return re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w.-])")
