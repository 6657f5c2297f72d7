"""Which of Argo's variables an expression of expr-lang names.

Source: expr-lang.org, language definition. Only names are found: whether the expression is well-formed is for
Argo to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from argo_flow.graph.tags import PREFIXES

_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)"""
    r"""|(?P<name>[A-Za-z_]\w*(?:\??\.[A-Za-z_]\w*|\[(?:"[^"]*"|'[^']*')\])*)""",
    re.DOTALL,
)
_KEY = re.compile(r"""\[["'](?P<quoted>[^"']*)["']\]""")


def variables_of(expression: str) -> Iterator[str]:
    """Their names as tags have them: `inputs.parameters['trace-id']` is `inputs.parameters.trace-id`."""
    for found in _TOKEN.finditer(expression):
        name = _KEY.sub(lambda key: "." + key["quoted"], found["name"] or "").replace("?.", ".")
        if name.split(".")[0] in PREFIXES and not expression[: found.start()].rstrip().endswith("."):
            yield name
