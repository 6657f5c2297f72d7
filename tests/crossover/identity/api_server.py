"""A Kubernetes API server as far as token reviews go.

It answers as kube-apiserver does: a token that is not made for any of the audiences asked for is not
authenticated, and the audiences that fit are named in the status.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from typing import Any

import anyio
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from testbed.ports import free_port
from tests.log_streamer.serving import Serving

OWN_TOKEN = "the-bridge's-own"
KEY = ec.generate_private_key(ec.SECP256R1())


class ApiServer:
    """Knobs are plain attributes; `reviews` counts by token."""

    def __init__(self) -> None:
        self.port = free_port()
        self.reviews: Counter[str] = Counter()
        self.deleted: set[str] = set()
        self.names_audiences = True  # an authenticator that knows no audiences names none
        self.answers: int | None = None  # a status instead of reviews
        self.raw: bytes | None = None  # a body instead of reviews
        self.delay = 0.0
        self.most_at_once = self._at_once = 0
        self._tokens: dict[str, tuple[str, list[str], float]] = {}
        self._serving = Serving(self._app(), port=self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        await self._serving.start()

    async def stop(self) -> None:
        await self._serving.stop()

    def mint(self, namespace: str, name: str, audience: str | None = "crossover", lasts: float = 600) -> str:
        """A token as TokenRequest makes it, bound to a pod."""
        audiences = [audience] if audience else []
        username, exp = f"system:serviceaccount:{namespace}:{name}", time.time() + lasts
        claims = {
            "iss": "https://kubernetes.test",
            "aud": audiences,
            "exp": int(exp),
            "jti": uuid.uuid4().hex,
        }
        token = jwt.encode({**claims, "sub": username}, KEY, "ES256", {"kid": "k"})
        self._tokens[token] = (username, audiences, exp)
        return token

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/apis/authentication.k8s.io/v1/tokenreviews")
        async def review(request: Request) -> Response:
            spec = (await request.json())["spec"]
            self.reviews[spec["token"]] += 1
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            await anyio.sleep(self.delay)
            self._at_once -= 1
            if request.headers.get("authorization") != f"Bearer {OWN_TOKEN}":
                return JSONResponse({"kind": "Status", "code": 401}, 401)
            if self.answers or self.raw is not None:
                return Response(self.raw or b"", self.answers or 201)
            return JSONResponse({"kind": "TokenReview", "spec": spec, "status": self._status(spec)}, 201)

        return app

    def _status(self, spec: dict[str, Any]) -> dict[str, Any]:
        username, audiences, exp = self._tokens.get(spec["token"], ("", [], 0.0))
        fitting = [each for each in spec["audiences"] if each in audiences]
        if not fitting or exp <= time.time() or username in self.deleted:
            return {"user": {}, "error": "invalid bearer token"}
        pod = {"authentication.kubernetes.io/pod-name": ["step-pod"]}
        user = {"username": username, "uid": "u", "groups": ["system:authenticated"], "extra": pod}
        named = {"audiences": fitting} if self.names_audiences else {}
        return {"authenticated": True, "user": user, **named}
