"""Writes the pages of docs/ that say what the code says: `make docs`, or `python -m docs.generate --check`.

settings.md, errors.md, step.md, metrics.md, alerts.md, all *.json and the chart's README are made here, and
never edited by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from crossover.flags.schema import document_schema
from docs.pages import alerts, chart, errors, metrics, openapi, settings, step

DIRECTORY = Path(__file__).parent
ROOT = DIRECTORY.parent

PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings.render,
    "errors.md": errors.render,
    "step.md": step.render,
    "metrics.md": metrics.render,
    "alerts.md": alerts.render,
    "flags.schema.json": openapi.rendered(document_schema),
    "openapi-bridge.json": openapi.rendered(openapi.bridge),
    "openapi-log-streamer.json": openapi.rendered(openapi.log_streamer),
}

ELSEWHERE: dict[str, Callable[[], str]] = {"helm/crossover/README.md": chart.render}
"""Pages outside of docs/, by their path from the root. Another directory than docs/ has none of them."""


def main(arguments: Sequence[str] | None = None, directory: Path = DIRECTORY) -> int:
    """Write the pages, or only look: 1 when one of them is not what the code says."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on drift")
    stale = stale_pages(directory)
    if parser.parse_args(arguments).check:
        sys.stdout.writelines(f"{name} is not what the code says: run `make docs`\n" for name, _, _ in stale)
        return 1 if stale else 0
    for name, path, text in stale:
        path.write_text(text, "utf-8")
        sys.stdout.write(f"{name}\n")
    return 0


def stale_pages(directory: Path = DIRECTORY) -> list[tuple[str, Path, str]]:
    """The pages that differ from what is there: name, file, and text as it should be."""
    pages = [(f"docs/{name}", directory / name, render()) for name, render in PAGES.items()]
    if directory == DIRECTORY:
        pages += [(name, ROOT / name, render()) for name, render in ELSEWHERE.items()]
    return [(name, path, text) for name, path, text in pages if _found(path) != text]


def _found(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
