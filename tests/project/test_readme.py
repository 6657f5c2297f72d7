"""What the pages promise to whoever types after them: commands and links."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from tests.project.files import ROOT, TARGETS, pages

README = (ROOT / "README.md").read_text()

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"(?:^|[$`;&] ?)make(?: +[A-Z_]+=\S+)* +([a-z][a-z-]*)", re.MULTILINE)
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")


def commands(text: str) -> list[str]:
    """The targets of all `make` commands that stand in code."""
    blocks = [body for _, body in _FENCE.findall(text)]
    blocks += re.findall(r"(?:^(?: {4}|\t).*\n?)+", text, re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    lines += _SPAN.findall(_FENCE.sub("", text))
    return [target for line in lines for target in _COMMAND.findall(line)]


def test_make_commands_are_found_in_code_and_not_in_prose() -> None:
    text = "make sure\n\n    make a\n\n`make b` and `KEEP=1`\n\n```console\n$ make X=1 c\nmake d\n```\n"
    assert sorted(commands(text)) == ["a", "b", "c", "d"]


def test_every_make_target_that_a_page_names_exists() -> None:
    named = {(page, target) for page, text in pages().items() for target in commands(text)}
    assert ("CONTRIBUTING.md", "test") in named
    assert {(page, target) for page, target in named if target not in TARGETS} == set()


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_readme_has_its_two_commands(target: str) -> None:
    assert target in commands(README)


def test_every_console_block_of_the_readme_that_starts_with_make_names_a_target() -> None:
    blocks = [body for language, body in _FENCE.findall(README) if language == "console"]
    first = [match[1] for body in blocks if (match := re.match(r"\$ make(?: +[A-Z_]+=\S+)* +(\S+)", body))]
    assert first, "the README shows a command and what it prints"
    assert [target for target in first if target not in TARGETS] == []


def test_every_relative_link_leads_to_a_file_and_to_a_heading_of_it() -> None:
    broken = []
    found = 0
    for page, text in pages().items():
        for link in _LINK.findall(_SPAN.sub("", _FENCE.sub("", text))):
            if not re.match(r"[a-z]+:", link):
                found += 1
                if not _leads(page, link):
                    broken.append(f"{page}: {link}")
    assert found > 5
    assert broken == []


def _leads(page: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = ROOT / PurePosixPath(page).parent / path if path else ROOT / page
    if not target.resolve().is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or anchor in _anchors(target.read_text())


def _anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ +(.+?) *$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
