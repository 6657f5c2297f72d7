"""An OpenID Connect issuer: discovery, keys, and the two ends of the authorization code flow."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from testbed.ports import free_port
from tests.log_streamer.serving import Serving

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
AUDIENCE = "crossover"
CLIENT = "crossover-console"
SECRET = "a/secret+of the client"


class OidcIssuer:
    """`keys` are those it publishes; the first signs. Knobs are plain attributes."""

    def __init__(self) -> None:
        self.port = free_port()
        self.keys: dict[str, Key] = {"first": ec.generate_private_key(ec.SECP256R1())}
        self.key_fields: dict[str, Any] = {"use": "sig"}
        self.fetches = 0
        self.answers: int | None = None  # a status instead of documents
        self.calls_itself: str | None = None
        self.user: dict[str, Any] = {"sub": "u-1", "email": "ada@example.test", "groups": ["team-a"]}
        self.wrong_nonce = False
        self._codes: dict[str, dict[str, str]] = {}
        self._serving = Serving(self._app(), port=self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/realm"

    async def start(self) -> None:
        await self._serving.start()

    async def stop(self) -> None:
        await self._serving.stop()

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + 600, **self.user, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def mint(self, kid: str | None = "first", **changes: Any) -> str:
        """A token; `changes` are to its claims, None leaves one out."""
        key = self.keys[kid or next(iter(self.keys))]
        algorithm = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"
        return jwt.encode(self.claims(**changes), key, algorithm, {"kid": kid} if kid else {})

    def jwks(self) -> dict[str, Any]:
        return {"keys": [{**_jwk(key), "kid": kid, **self.key_fields} for kid, key in self.keys.items()]}

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.get("/realm/.well-known/openid-configuration")(self._discovery)
        app.get("/realm/keys")(self._keys)
        app.get("/realm/authorize")(self._authorize)
        app.post("/realm/token")(self._token)
        return app

    async def _discovery(self) -> Response:
        parts = {"jwks_uri": "keys", "authorization_endpoint": "authorize", "token_endpoint": "token"}
        document = {name: f"{self.url}/{path}" for name, path in parts.items()}
        return JSONResponse({"issuer": self.calls_itself or self.url, **document}, self.answers or 200)

    async def _keys(self) -> Response:
        self.fetches += 1
        return JSONResponse(self.jwks(), self.answers or 200)

    async def _authorize(self, request: Request) -> Response:
        """Everyone consents at once."""
        query = dict(request.query_params)
        code = uuid.uuid4().hex
        self._codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.url}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or not _proven(request, asked, form):
            return JSONResponse({"error": "invalid_grant"}, 400)
        nonce = "another" if self.wrong_nonce else asked["nonce"]
        return JSONResponse({"id_token": self.mint(aud=CLIENT, nonce=nonce), "access_token": "opaque"})


def _proven(request: Request, asked: dict[str, str], form: dict[str, str]) -> bool:
    given = base64.b64encode(b"crossover-console:a%2Fsecret%2Bof%20the%20client").decode()
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return (
        request.headers.get("authorization") == f"Basic {given}"
        and asked["code_challenge_method"] == "S256"
        and asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        and asked["redirect_uri"] == form.get("redirect_uri")
    )


def _jwk(key: Key) -> dict[str, Any]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return dict(ECAlgorithm.to_jwk(key.public_key(), as_dict=True))
    return dict(RSAAlgorithm.to_jwk(key.public_key(), as_dict=True))
