"""`crossover approvals`: its commands, in the order in which its help lists them."""

from __future__ import annotations

import typer

from crossover.cli.approvals import asking, deciding, looking, watching
from crossover.cli.flags.options import calling

approvals = typer.Typer(
    no_args_is_help=True,
    help="What waits for a person's yes or no. "
    "Exit codes: 0 done, 1 no such thing or refused as asked, 2 used wrongly, 75 no answer, 77 not allowed.",
)

_LOOKING = "Look"
_DECIDING = "Decide"
_ASKING = "Ask"

for _panel, _name, _command in (
    (_LOOKING, "list", looking.list_),
    (_LOOKING, "show", looking.show_),
    (_LOOKING, "watch", watching.watch),
    (_DECIDING, "approve", deciding.approve),
    (_DECIDING, "reject", deciding.reject),
    (_ASKING, "request", asking.request),
):
    approvals.command(_name, rich_help_panel=_panel)(calling(_command))
