"""`crossover flags`: its commands, in the order in which its help lists them."""

from __future__ import annotations

import typer

from crossover.cli.flags import changing, files, plans, reading, watching
from crossover.cli.flags.options import calling

flags = typer.Typer(
    no_args_is_help=True,
    help="Which tenants go which way: flags, rollouts, kill switches. "
    "Exit codes: 0 done, 1 no such thing, 2 refused as asked, 75 no answer, 77 not allowed.",
)

_LOOKING = "Look"
_CHANGING = "Change"
_ROLLOUTS = "Staged rollouts"
_FILES = "Documents and versions"

for _panel, _name, _command in (
    (_LOOKING, "status", reading.status),
    (_LOOKING, "get", reading.get),
    (_LOOKING, "explain", reading.explain),
    (_LOOKING, "watch", watching.watch),
    (_CHANGING, "kill", changing.kill),
    (_CHANGING, "revive", changing.revive),
    (_CHANGING, "allow", changing.allow),
    (_CHANGING, "deny", changing.deny),
    (_CHANGING, "clear", changing.clear),
    (_CHANGING, "rollout", changing.rollout),
    (_ROLLOUTS, "plan", plans.plan),
    (_ROLLOUTS, "pause", plans.pause),
    (_ROLLOUTS, "resume", plans.resume),
    (_ROLLOUTS, "stop", plans.stop),
    (_ROLLOUTS, "roll-back", plans.roll_back),
    (_FILES, "history", reading.history),
    (_FILES, "diff", reading.diff),
    (_FILES, "revert", changing.revert),
    (_FILES, "set", files.set_flag),
    (_FILES, "apply", files.apply),
    (_FILES, "export", files.export),
    (_FILES, "import", files.import_),
    (_FILES, "restore", changing.restore),
):
    flags.command(_name, rich_help_panel=_panel)(calling(_command))
