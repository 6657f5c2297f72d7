"""Whether it is Argo's agent that asks: by the token that Argo makes for each agent pod and plugin."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from crossover.cli.step.credentials import read_token


class Agent:
    """The token is read when it is first needed: it does not change while the pod lives."""

    def __init__(self, token_file: Path) -> None:
        self._file = token_file
        self._expected: bytes | None = None
        self.instance = ""

    def knows(self, authorization: bytes) -> bool:
        """Whether the header is the agent's. Raises CredentialError while there is none to compare with."""
        if self._expected is None:
            token = read_token(self._file)
            self._expected = f"Bearer {token}".encode()
            self.instance = hashlib.sha256(token.encode()).hexdigest()[:16]
        return hmac.compare_digest(authorization, self._expected)
