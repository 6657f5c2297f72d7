"""Our own bearer tokens for other systems, in files that rotate."""

from __future__ import annotations

import errno
from pathlib import Path


def read_token(path: Path) -> str:
    """The token that a file holds. Raises OSError.

    A token with a line end in it would be shown: HTTP clients name the whole header that they cannot send.
    """
    token = path.read_bytes().strip().decode("ascii", "replace")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise OSError(errno.EINVAL, "This is no bearer token: one word of printable ASCII", str(path))
    return token
