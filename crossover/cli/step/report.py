"""Everything a view is turned into: lines for people, files for Argo, and in the end the exit code."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from crossover.cli.step.environment import ArgoPod
from crossover.cli.step.options import Options
from crossover.cli.step.outputs import argo_progress, missing, replace, to_json, write_outputs, write_progress
from crossover.cli.step.terminal import Terminal, Tone
from crossover.cli.step.view import View
from crossover.cli.step.watch import LINKS, Line, Watch, ending, fraction
from crossover.contract.durations import format_duration
from crossover.contract.run import ExitCode


class Report:
    """What this step told so far. A file for people that cannot be written costs a warning, not the step."""

    def __init__(self, options: Options, pod: ArgoPod, terminal: Terminal) -> None:
        self._options = options
        self._pod = pod
        self._terminal = terminal
        self._watch = Watch()
        self._began = time.monotonic()
        self._progress: str | None = None
        self._unwritable: set[Path] = set()

    def announce(self, view: View, attached: bool) -> None:
        """The first lines: the run, and where to look at it."""
        self._terminal.head("run", view.id + (" (attached: it was there before)" if attached else ""))
        for label, key in LINKS:
            if link := view.links.get(key):
                self._terminal.head(label, link)
        if self._pod.node_id is not None:
            self._terminal.head("node", self._pod.node_id)
        if (self._options.decision or {}).get("variant") == "shadow":
            self._terminal.head("shadow", "this run does not count: legacy's outcome does")

    def update(self, view: View) -> None:
        """What changed since the last view."""
        self._say(self._watch.see(view) if view.exit_code is None else [])
        self._terminal.progress(view.phase, view.progress or "", fraction(view))
        if (path := self._options.view_file) is not None:
            content = to_json(view.raw)
            self._write(path, lambda: _replace_in(path, content))
        self._report_progress(argo_progress(view.progress))

    def finish(self, view: View, exit_code: int) -> int:
        """The last lines and the output files. Returns the step's exit code."""
        self._terminal.close()
        self._say(ending(view, format_duration(time.monotonic() - self._began)))
        return self._write_outputs(view) if view.succeeded else exit_code

    def leave(self) -> int:
        """The last line about a run that is not followed."""
        self._terminal.close()
        self._terminal.say("left", "the run goes on by itself, as --until is start")
        return int(ExitCode.SUCCEEDED)

    def _write_outputs(self, view: View) -> int:
        directory = self._options.outputs_dir
        try:
            if directory is not None and view.parameters is not None:
                for name in write_outputs(directory, view.parameters, view.result):
                    self._warn(f"the output {name!r} is left out: it cannot be the name of a file")
        except OSError as error:
            self._terminal.say("outputs", f"cannot be written to {directory}: {error.strerror}", Tone.BAD)
            return int(ExitCode.FAILED)
        if absent := missing(self._options.outputs, view.parameters):
            self._terminal.say("outputs", f"the result has no {', '.join(absent)}", Tone.BAD)
            return int(ExitCode.FAILED)
        return int(ExitCode.SUCCEEDED)

    def _report_progress(self, progress: str | None) -> None:
        path = self._pod.progress_file
        if path is not None and progress is not None and progress != self._progress:
            self._progress = progress
            self._write(path, lambda: write_progress(path, progress))

    def _write(self, path: Path, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            if path not in self._unwritable:
                self._unwritable.add(path)
                self._warn(f"{path} cannot be written: {error.strerror}")

    def _say(self, lines: list[Line]) -> None:
        for label, text, tone in lines:
            if label:
                self._terminal.say(label, text, tone)
            else:
                self._terminal.detail(text)

    def _warn(self, text: str) -> None:
        self._terminal.say("warning", text, Tone.WARN)


def _replace_in(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, content)
