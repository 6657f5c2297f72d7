"""Characters that a terminal or a page would act on are taken out of their power.

Log bytes come from programs that nobody vetted: an escape sequence can retitle a terminal, overwrite
what stood above, or forge lines (CVE-2021-25743 is kubectl's own case).
"""

from __future__ import annotations

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_SGR = re.compile(r"\x1b\[[0-9;:]*m")
# C0 but tab, DEL and C1, line separators, marks and overrides of writing direction, BOM.
_ACTIVE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_SEQUENCE = re.compile(
    r"\x1b\[[0-9;:]*m"  # colours: harmless, kept where the reader can tell them from text
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, links, clipboard
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: cursor, erasing
    r"|[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
_PRINTABLE = bytes([9, 10, *range(32, 127)])


def is_plain(block: bytes) -> bool:
    """Whether a block holds nothing but printable ASCII, tabs and line ends: one fast look for many lines."""
    return block.isascii() and not block.translate(None, _PRINTABLE)


def neutral(text: str) -> str:
    """`text` in which only colour sequences are left of what a terminal acts on; for JSON, where they are
    data. Each other sequence or character becomes U+FFFD; a carriage return at the end just goes."""
    return _SEQUENCE.sub(_colour_or_mark, text.removesuffix("\r"))


def colourless(text: str) -> str:
    """`neutral` text without its colours, for plain text and for searching."""
    return _SGR.sub("", text) if "\x1b" in text else text


def harmless(text: str) -> str:
    """`text` without anything a terminal acts on."""
    return _ACTIVE.sub(REPLACEMENT, text)


def _colour_or_mark(match: re.Match[str]) -> str:
    sequence = match.group()
    return sequence if _SGR.fullmatch(sequence) else REPLACEMENT
