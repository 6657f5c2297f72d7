"""helm/crossover/README.md: every value of the chart, from the comments of its values.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from docs.pages.markdown import code, page, table

VALUES = Path(__file__).parents[2] / "helm/crossover/values.yaml"

INTRO = """\
Bridge, log streamer, agent, executor plugin and WorkflowTemplates, with the least rights that each needs.
[docs/install.md](../../docs/install.md) leads through an install. For a first look, with a Temporal, a Redis
and a sample application in one namespace:

    helm install crossover helm/crossover -n crossover --create-namespace -f helm/crossover/trial-values.yaml
    helm test crossover -n crossover --logs

By itself the chart installs one bridge and one log streamer, each with a Role in the release's own namespace
and no right beyond; they wait for the Secret `crossover-tokens`. Secrets are only ever named: the chart makes
none, and takes no password. Values that it does not know are refused, and so are values that contradict each
other, with a sentence. Every pod meets the Pod Security Standard `restricted`."""

_MARK = "# --"
_KEY = re.compile(r"( *)([A-Za-z_]\w*):")


@dataclass(frozen=True)
class Value:
    """One that people may set: where it is, what it is by itself, and what its comment says."""

    path: tuple[str, ...]
    default: Any
    text: str


def render(path: Path = VALUES) -> str:
    """Raises ValueError for a value without a comment."""
    groups: dict[str, list[Value]] = {}
    for value in values(path.read_text()):
        groups.setdefault(value.path[0] if len(value.path) > 1 else "", []).append(value)
    parts = [part for name, found in groups.items() for part in (f"## {_title(name)}", _table(found))]
    return page("The chart crossover", "helm/crossover/values.yaml", INTRO, *parts)


def values(text: str) -> Iterator[Value]:
    """In the file's order. Raises ValueError for one that has no comment of its own."""
    defaults, comment = yaml.safe_load(text), ""
    path: list[str] = []
    commented: list[tuple[str, ...]] = []
    for line in text.splitlines():
        stripped, key = line.strip(), _KEY.match(line)
        if stripped.startswith("#"):
            comment = _continued(comment, stripped)
        elif key and not _within(commented, path, len(key[1]) // 2):
            path = [*path[: len(key[1]) // 2], key[2]]
            if comment:
                commented.append(tuple(path))
                yield Value(tuple(path), _at(defaults, path), comment)
            elif not line.rstrip().endswith(":"):
                raise ValueError(f"{'.'.join(path)} has no comment `{_MARK} …`; it goes into README.md")
            comment = ""


def _within(commented: list[tuple[str, ...]], path: list[str], depth: int) -> bool:
    """Whether a line belongs to a value that has been told whole."""
    return any(tuple(path[: len(each)]) == each and depth >= len(each) for each in commented)


def _continued(comment: str, line: str) -> str:
    if line.startswith(_MARK):
        return line.removeprefix(_MARK).strip()
    return f"{comment} {line.removeprefix('#').strip()}" if comment else ""


def _at(values: Any, path: list[str]) -> Any:
    for key in path:
        values = values[key]
    return values


def _title(group: str) -> str:
    return code(group) if group else "At the top"


def _table(found: list[Value]) -> str:
    rows = [[code(".".join(each.path)), _default(each.default), each.text] for each in found]
    return table(["value", "default", "what"], rows)


def _default(value: Any) -> str:
    return "" if value is None else code(json.dumps(value, ensure_ascii=False))
