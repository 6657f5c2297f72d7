"""How often the Kubernetes API is asked about a token, while a thousand requests a second carry it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from bench.figures import Figure, figure, percentile
from bench.raw_http import RawHttp
from testbed.ports import free_port
from testbed.servers import Bridge

TOKENS = 4
PER_SECOND = 1000
SECONDS = 125.0
CONNECTIONS = 16
IDENTITY = """
kubernetes:
  audience: crossover
  service_accounts:
    - {namespace: team, tenant: acme, role: operator}
"""


async def measure() -> list[Figure]:
    reviews: Counter[str] = Counter()
    async with _review_server(reviews) as port, _bridge(port) as bridge:
        tokens = [_token(number) for number in range(TOKENS)]
        requests, took, seconds = await _load(bridge, tokens)
    per_minute = 60 / seconds / TOKENS
    rate = requests / seconds
    assert rate > 0.8 * PER_SECOND, f"too thin to show anything: {rate:.0f} requests a second"
    # The first review of a token admits it; what it costs from then on is the figure.
    reviewed, asked = (sum(reviews.values()) - TOKENS) * per_minute, requests * per_minute
    assert len(reviews) == TOKENS
    return [
        figure(
            "tokenreview_per_token_min",
            reviewed,
            "per min",
            "<= 1",
            peer="a review for each request, as without a cache",
            peer_value=asked,
        ),
        figure("tokenreview_request_p99_ms", percentile(took, 0.99), "ms", ""),
    ]


async def _load(bridge: Bridge, tokens: list[str]) -> tuple[int, list[float], float]:
    """Requests made, what each took in ms, and the seconds that they took together."""
    took: list[float] = []
    began = time.perf_counter()

    async def some(number: int) -> None:
        http = RawHttp(bridge.port, tokens[number % TOKENS])
        pause, next_at = CONNECTIONS / PER_SECOND, time.perf_counter()
        while time.perf_counter() < began + SECONDS:
            next_at += pause
            await asyncio.sleep(max(0.0, next_at - time.perf_counter()))
            asked_at = time.perf_counter()
            status, _ = await http.get("/v1/session")
            took.append((time.perf_counter() - asked_at) * 1000)
            assert status == 200, status
        await http.close()

    await asyncio.gather(*(some(number) for number in range(CONNECTIONS)))
    return len(took), took, time.perf_counter() - began


@asynccontextmanager
async def _bridge(api_port: int) -> AsyncGenerator[Bridge, None]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "identity.yaml").write_text(IDENTITY)
        (home / "own-token").write_text("own")
        async with Bridge(
            f"127.0.0.1:{free_port()}",  # nobody: identity needs no Temporal
            home / "bridge.log",
            log_level="warning",
            auth="kubernetes",
            identity_file=home / "identity.yaml",
            kubernetes_api=f"http://127.0.0.1:{api_port}",
            kubernetes_api_token_file=home / "own-token",
        ) as bridge:
            yield bridge


def _token(number: int) -> str:
    claims = {"iss": "bench", "aud": ["crossover"], "exp": int(time.time()) + 3600, "jti": str(number)}
    return jwt.encode({**claims, "sub": _user(number)}, _KEY, "ES256")


_KEY = ec.generate_private_key(ec.SECP256R1())


def _user(number: int) -> str:
    return f"system:serviceaccount:team:step-{number}"


@asynccontextmanager
async def _review_server(reviews: Counter[str]) -> AsyncGenerator[int, None]:
    """Says yes to every token, as kube-apiserver would to these."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                token = json.loads(await reader.readexactly(length))["spec"]["token"]
                reviews[token] += 1
                status = {
                    "authenticated": True,
                    "audiences": ["crossover"],
                    "user": {"username": jwt.decode(token, options={"verify_signature": False})["sub"]},
                }
                body = json.dumps({"kind": "TokenReview", "status": status}).encode()
                writer.write(
                    b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n"
                    b"content-length: %d\r\n\r\n" % len(body) + body
                )
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
