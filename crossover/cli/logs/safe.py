"""Foreign text that is safe on a terminal, whatever the server let through. Pure."""

from __future__ import annotations

import re
import unicodedata

_COLORS = re.compile(r"\x1b\[[0-9;:]*m")


def safe(text: str) -> str:
    """One line in which nothing acts: colours are dropped, other controls and directions are spelt out."""
    if text.isprintable():
        return text
    text = _COLORS.sub("", text)
    return "".join(char if char.isprintable() or char == "\t" else _spelt(char) for char in text)


def _spelt(char: str) -> str:
    if unicodedata.category(char) == "Zs":
        return " "
    number = ord(char)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
