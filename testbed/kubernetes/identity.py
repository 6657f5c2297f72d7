"""Who speaks to the API server, and the keys that they and it are known by."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=365)
"""Of a certificate: longer than any testbed lives."""


@dataclass(frozen=True)
class User:
    """A user of the API as RBAC names it."""

    name: str
    group: str = ""

    @property
    def short(self) -> str:
        """Of a file: the last part of the name."""
        return self.name.rpartition(":")[2]


ADMIN = User("admin", "system:masters")


def token_rows(users: Sequence[User]) -> bytes:
    """kube-apiserver's token file: token, user, uid, group."""
    rows = (",".join(filter(None, (secrets.token_urlsafe(32), u.name, u.name, u.group))) for u in users)
    return "".join(f"{row}\n" for row in rows).encode()


def private_key() -> bytes:
    """kube-apiserver takes the private key also where it only verifies."""
    return _pem(generate_private_key(SECP256R1()))


@dataclass(frozen=True)
class Authority:
    """A certificate authority, with the one client certificate that it has signed. All as PEM."""

    certificate: bytes
    key: bytes
    client_certificate: bytes
    client_key: bytes


def authority(client: User) -> Authority:
    """Its client is known as that user, and as a member of its group."""
    root, key = _name("testbed"), generate_private_key(SECP256R1())
    client_key = generate_private_key(SECP256R1())
    signed = (
        _certificate(root, root, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    client_signed = (
        _certificate(_name(client.name, client.group), root, client_key)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, SHA256())
    )
    pem = Encoding.PEM
    return Authority(signed.public_bytes(pem), _pem(key), client_signed.public_bytes(pem), _pem(client_key))


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(hours=1),  # clocks may be set back a little
        not_valid_after=now + VALID,
    )


def _name(name: str, group: str = "") -> x509.Name:
    """Kubernetes reads the user from the common name and groups from the organisations."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    attributes += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
    return x509.Name(attributes)


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
