"""The bearer token and the trusted certificates: read from files for every use, since both rotate.

A token is never on the command line and never in a message.
"""

from __future__ import annotations

import ssl
from pathlib import Path


class CredentialError(Exception):
    """A file is not what it should be; the text names the file and never repeats what is in it."""


def read_token(path: Path) -> str:
    """The token in the file. Raises CredentialError."""
    try:
        token = path.read_bytes().strip().decode("ascii")
    except OSError as error:
        raise CredentialError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise CredentialError(f"{path} holds no token: it has characters outside ASCII") from None
    if not token:
        raise CredentialError(f"{path} is empty")
    if not token.isprintable() or " " in token:
        raise CredentialError(f"{path} holds no token: it has spaces or control characters")
    return token


def read_certificates(path: Path | None) -> ssl.SSLContext:
    """What a client trusts: the certificates in the file, or the system's. Raises CredentialError."""
    try:
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise CredentialError(f"{path} holds no certificates in PEM form") from None
    except OSError as error:
        raise CredentialError(f"{path} cannot be read ({error.strerror})") from None
