"""Certificates for TLS tests: an authority, a server's and a client's, in PEM files."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are; `*_store` hold a key and its certificate together, as Kafka wants."""

    ca: Path
    server_store: Path
    client_certificate: Path
    client_key: Path
    client_key_password: str = "key-password"


def make_certificates(directory: Path) -> Certificates:
    """Make an authority and two certificates signed by it, good for 127.0.0.1 and a day."""
    directory.mkdir(parents=True, exist_ok=True)
    files = Certificates(
        directory / "ca.pem",
        directory / "server.pem",
        directory / "client.pem",
        directory / "client.key",
    )
    ca_key, server_key, client_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    ca = _sign("test authority", ca_key, ca_key, "test authority", is_ca=True)
    server = _sign("127.0.0.1", server_key, ca_key, "test authority", is_ca=False)
    client = _sign("worker", client_key, ca_key, "test authority", is_ca=False)
    files.ca.write_bytes(_pem(ca))
    files.server_store.write_bytes(_key(server_key, None) + _pem(server))
    files.client_certificate.write_bytes(_pem(client))
    files.client_key.write_bytes(_key(client_key, files.client_key_password))
    return files


def _sign(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    ca_key: ec.EllipticCurvePrivateKey,
    issuer: str,
    *,
    is_ca: bool,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(ca_key, hashes.SHA256())
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key(key: ec.EllipticCurvePrivateKey, password: str | None) -> bytes:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
