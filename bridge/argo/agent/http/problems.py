"""Why an http task did not come to an end of its own."""

from __future__ import annotations


class Unable(Exception):
    """We will not or cannot do what the template asks for: the node becomes Error. The text is one sentence
    without secrets."""


class Unsuccessful(Exception):
    """The attempt was made and failed: the node becomes Failed, as with Argo's own agent."""
