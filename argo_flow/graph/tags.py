"""`{{…}}`: text substitution, as Argo does it before anything is executed.

A tag is replaced by the variable of that name. Names outside Argo's own prefixes are left as they stand
(argo-workflows workflow/validate, checkValidWorkflowVariablePrefix), so that other languages' braces pass
through. Expression tags `{{=…}}` are a language of their own (expr-lang) and are never evaluated here.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

PREFIXES = ("item", "steps", "inputs", "outputs", "pod", "workflow", "tasks", "node", "retries", "lastRetry")

T = TypeVar("T")

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class SubstitutionError(ValueError):
    """A variable that has no value where it is used; the node is then in Error."""


@dataclass(frozen=True, slots=True)
class Tag:
    """`name` is trimmed; an expression's is what follows the `=`."""

    name: str
    expression: bool

    @property
    def is_argos(self) -> bool:
        """Whether Argo would insist on a value."""
        return not self.expression and self.name.split(".")[0] in PREFIXES


def tags(text: str) -> list[Tag]:
    """Every tag of `text`, in order."""
    return [_tag(match.group(1)) for match in _TAG.finditer(text)]


def sole_tag(text: str) -> Tag | None:
    """The tag that `text` consists of, if it is one and nothing else."""
    match = _TAG.fullmatch(text.strip())
    return _tag(match.group(1)) if match and "{{" not in match.group(1) else None


def substitute(text: str, variables: Mapping[str, str | None], *, strict: tuple[str, ...] = PREFIXES) -> str:
    """`text` with its tags replaced.

    Args:
        variables: values by name; None is the absent output of a skipped or omitted node.
        strict: prefixes of which every name must have a value; other unknown names are left for later.

    Raises SubstitutionError.
    """

    def replace(match: re.Match[str]) -> str:
        tag = _tag(match.group(1))
        if tag.expression:
            return match.group()
        if tag.name not in variables:
            if tag.name.split(".")[0] in strict:
                raise SubstitutionError(f"failed to resolve {{{{{tag.name}}}}}")
            return match.group()
        value = variables[tag.name]
        if value is None:
            raise SubstitutionError(
                f"unable to substitute {{{{{tag.name}}}}}: "
                "the node was skipped or omitted and its output has no default"
            )
        return value

    return _TAG.sub(replace, text)


def map_texts(value: T, change: Callable[[str], str]) -> T:
    """A copy of a part of the graph with every text changed: Argo substitutes in whole templates at once."""
    return _map(value, change)  # type: ignore[no-any-return]  # _map keeps the type, which cannot be said


def _map(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str() if type(value) is str:
            return change(value)
        case tuple():
            return tuple(_map(item, change) for item in value)
        case dict():
            return {key: _map(item, change) for key, item in value.items()}
        case list():
            return [_map(item, change) for item in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changes = {f.name: _map(getattr(value, f.name), change) for f in dataclasses.fields(value)}
            return dataclasses.replace(value, **changes)
    return value


def _tag(inner: str) -> Tag:
    if inner.startswith("="):
        return Tag(inner[1:].strip(), True)
    return Tag(inner.strip(), False)
