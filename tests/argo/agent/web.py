"""A web server of the kind that http templates call, with a certificate of its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass
class Web:
    """What came in, and where to send it."""

    port: int = 0
    scheme: str = "http"
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    open: int = 0
    most: int = 0
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append((request.method, request.path_qs, dict(request.headers), body))
        match request.path.split("/")[1:]:
            case ["status", code]:
                return web.Response(status=int(code), text=f"status {code}")
            case ["bytes", count]:
                return web.Response(body=b"x" * int(count))
            case ["zeros", count]:
                return web.Response(body=bytes(int(count)))
            case ["hops", "0"]:
                return web.Response(text="arrived")
            case ["hops", left]:
                return web.Response(status=302, headers={"Location": f"/hops/{int(left) - 1}"})
            case ["body", text]:
                return web.Response(body=bytes.fromhex(text))
            case ["redirect", code]:
                return web.Response(status=int(code), headers={"Location": request.query["to"]})
            case ["endless"]:
                return await self._endless(request)
            case ["held"]:
                return await self._held()
            case ["gzip"]:
                response = web.Response(text="x" * 1000)
                response.enable_compression(web.ContentCoding.gzip)
                return response
            case ["header"]:
                return web.Response(text="ok", headers={"x-kind": "one", "set-cookie": "a=1"})
        return web.Response(text="hello")

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65536)
        except OSError:
            return response

    async def _held(self) -> web.Response:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await self.hold.wait()
        finally:
            self.open -= 1
        return web.Response(text="at last")


@asynccontextmanager
async def served(context: ssl.SSLContext | None = None) -> AsyncGenerator[Web, None]:
    server = Web(scheme="https" if context else "http")
    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        server.hold.set()
        await runner.cleanup()


def certificate(folder: Path, host: str) -> ssl.SSLContext:
    """For `host`; `folder`/ca.pem is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context
