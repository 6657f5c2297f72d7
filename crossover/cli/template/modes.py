"""The ways in which Argo can call, and the file that has each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import crossover

TEMPLATES = Path(crossover.__file__).parents[1] / "argo_templates"
"""Beside the packages, in a checkout as in an installation."""


@dataclass(frozen=True, slots=True)
class Mode:
    """`name` is its folder; `summary` and `needs` are a few words each."""

    name: str
    summary: str
    needs: str

    @property
    def template(self) -> str:
        """The name of its WorkflowTemplate, as shipped."""
        return self.name if self.name.startswith("crossover-") else f"crossover-{self.name}"

    def text(self) -> str:
        """Its WorkflowTemplate as shipped. Raises OSError."""
        return (TEMPLATES / self.name / "workflow-template.yaml").read_text()


MODES = {
    mode.name: mode
    for mode in (
        Mode("step", "a small pod starts the run and waits for it", "any Argo since 3.4"),
        Mode("callback", "the bridge completes a suspended node: no pod while it waits", "Argo 3.6"),
        Mode("plugin", "one agent pod per workflow asks for all its runs", "Argo 3.6 with executor plugins"),
        Mode("agent", "one agent for the whole cluster: no pod at all", "Argo 4.1 without agent pods"),
        Mode("approval", "a person says yes or no", "Argo 3.6"),
        Mode(
            "crossover-or-legacy",
            "flags decide between a run and a legacy template",
            "Argo 3.6.14, 3.7.5, 4.0",
        ),
    )
}
