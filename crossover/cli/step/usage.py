"""The one error of a wrong command line."""

from __future__ import annotations


class UsageError(Exception):
    """What was asked cannot be done as it was asked; the text says which flag or variable to change."""
