"""docs/errors.md: every error, what it means elsewhere, and what a template's author does about it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping

from crossover import errors
from crossover.errors import TABLE, CrossoverError, problem
from docs.pages.markdown import code, fence, page, table

ADVICE: dict[type[CrossoverError], str] = {
    errors.InvalidRequest: (
        "The body is no plain JSON object (broken, NaN, too deep, not UTF-8), or Temporal refused what "
        "is in it: correct what `detail` names."
    ),
    errors.InvalidField: (
        "Correct the field that `field` names: a flag of the step, or a key of `input` that the app's "
        "input schema refuses."
    ),
    errors.UnknownApp: (
        "Correct `app`, or have the operator register it for your tenant; `detail` lists the apps you "
        "may use."
    ),
    errors.BodyTooLarge: "Write large input to storage and pass a reference to it.",
    errors.UnsupportedMedia: "Send `Content-Type: application/json`, uncompressed; the step does.",
    errors.Unauthenticated: "Check that the token file is mounted and that the operator's token list has it.",
    errors.Forbidden: (
        "Your token's role is too low, your tenant is not registered, or it may not use this queue or "
        "type: ask the operator; `detail` says which."
    ),
    errors.NotFound: (
        "The run was never started, belongs to another tenant, or Temporal's retention removed it. A "
        "waiting step ends with it: its run is gone."
    ),
    errors.Conflict: "Temporal holds something that the request contradicts; `detail` has its words.",
    errors.InputConflict: (
        "The node already has a run with another type, queue or input, so the template changed between "
        "retries. Submit a new workflow, or set `scope` to `attempt`."
    ),
    errors.DecisionConflict: (
        "The start's decision is not the one that this node got: pass on the output of its own decide step."
    ),
    errors.StoreConflict: (
        "Flags are kept in a file: change them there. Or the store does not hold what was in force here: "
        "`crossover flags restore` says which of the two is right."
    ),
    errors.PreconditionFailed: "Read the document again, look at what changed, and repeat the change.",
    errors.PreconditionRequired: "Send the ETag that you read as `If-Match`.",
    errors.RunClosed: "A signal or an update came after the end: send it earlier, or not at all.",
    errors.Rejected: (
        "The workflow's own handler refused the query or update, it has none of that name, or this "
        "Temporal server is too old for the call."
    ),
    errors.Busy: (
        "Nothing: the step waits as long as `Retry-After` says. If it lasts, the operator looks at "
        "Temporal's limits."
    ),
    errors.Unavailable: (
        "Nothing: the step rides out 10 minutes (`--outage-budget`), then exits with 75, and a retried "
        "pod goes on."
    ),
    errors.ShuttingDown: "Nothing: the next request meets another replica.",
    errors.NoAnswer: (
        "Nothing: whether it happened is unknown, and repeating is safe. For a query or update, see "
        "that the run's worker is up."
    ),
    errors.Internal: "Report it with its time and path; the bridge's log has the rest. Repeating is safe.",
}

INTRO = """\
Every refusal and failure is one row here: a `kind`, an HTTP status, the exit code of `crossover step run`,
and what Argo's plugin agent is told (`failed`: the node fails; `transient`: it is asked again). Exit code
75 is what a retryStrategy tries again; [step.md](step.md) has the expressions."""

BODY = """\
Over HTTP each is an RFC 9457 problem (`application/problem+json`). `detail` says what is wrong and what to
do, `field` names the request's field where there is one, and `exit_code` and `retryable` spare clients this
table. Answers that make sense to repeat carry `Retry-After`, in seconds, where the bridge can say."""

TREE = """\
As a tree, for code that handles them: an error without a row of its own would mean what its base means."""


def render(advice: Mapping[type[CrossoverError], str] = ADVICE) -> str:
    """Raises ValueError when an error has no advice, or an advice no error."""
    if advice.keys() != TABLE.keys():
        odd = ", ".join(sorted(error.__name__ for error in advice.keys() ^ TABLE.keys()))
        raise ValueError(f"docs/pages/errors.py and crossover/errors.py do not have the same errors: {odd}")
    head = ["kind", "HTTP", "exit code", "plugin", "meaning", "what to do"]
    rows = [
        [code(row.kind), str(row.status), str(int(row.exit_code)), row.plugin, row.title, advice[error]]
        for error, row in TABLE.items()
    ]
    return page(
        "Errors",
        "crossover/errors.py and docs/pages/errors.py",
        INTRO,
        table(head, rows),
        BODY,
        fence("json", json.dumps(_example(), indent=2)),
        TREE,
        fence("text", _tree()),
    )


def _example() -> dict[str, object]:
    error = errors.InvalidField("argo.uid: Field required.", field="argo.uid")
    return problem(error, instance="/v1/runs")


def _tree() -> str:
    """The tree as the module draws it."""
    paragraphs = inspect.cleandoc(errors.__doc__ or "").split("\n\n")
    return inspect.cleandoc(next(each for each in paragraphs if "──" in each))
