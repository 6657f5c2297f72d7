"""Shows a run to a person: one line per change of a node and per line of its output."""

from __future__ import annotations

from typing import TextIO

from argo_flow.graph.phases import NodePhase
from argo_flow.local.events import (
    Event,
    NodeFinished,
    NodeLine,
    NodeProgress,
    NodeStarted,
    WorkflowFinished,
)
from argo_flow.local.nodes import NodeStatus
from crossover.contract.durations import format_duration

_SYMBOLS = {
    NodePhase.SUCCEEDED: "✔",
    NodePhase.FAILED: "✖",
    NodePhase.ERROR: "⚠",
    NodePhase.SKIPPED: "○",
    NodePhase.OMITTED: "○",
}
_COLORS = {"✔": "32", "✖": "31", "⚠": "31", "○": "2", "▶": "36", "…": "36"}


class Console:
    """Call it with every event. `color` uses ANSI sequences, which only a terminal understands."""

    def __init__(self, out: TextIO, *, color: bool) -> None:
        self._out = out
        self._color = color

    def __call__(self, event: Event) -> None:
        match event:
            case NodeStarted(node) if node.type != "StepGroup":
                self._state("▶", node, "running")
            case NodeProgress(node):
                self._state("…", node, node.progress)
            case NodeLine(node, stream, text):
                self._write(f"  {self._paint(node.display_name, '2')} │ {self._line(stream, text)}")
            case NodeFinished(node) if node.type != "StepGroup":
                self._state(_SYMBOLS[node.phase], node, _ending(node))
            case WorkflowFinished(name, phase, message):
                mark = _SYMBOLS[phase]
                self._write(f"{self._paint(mark, _COLORS[mark])} {name} {phase.value}{_because(message)}")

    def say(self, text: str) -> None:
        self._write(text)

    def _state(self, mark: str, node: NodeStatus, text: str) -> None:
        self._write(f"{self._paint(mark, _COLORS[mark])} {node.display_name} {text}")

    def _line(self, stream: str, text: str) -> str:
        safe = "".join(
            char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text
        )
        return self._paint(safe, "33") if stream == "stderr" else safe

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color else text

    def _write(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


def _ending(node: NodeStatus) -> str:
    took = format_duration(max(0.0, (node.finished_at or node.started_at) - node.started_at))
    ran = f" after {took}" if node.phase.completed else ""
    return f"{node.phase.value}{ran}{_because(node.message)}"


def _because(message: str) -> str:
    return f": {message}" if message else ""
