"""Certificates for tests: an authority, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = datetime.timedelta(days=1)


@dataclass
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path
    x509: x509.Certificate

    @property
    def conf(self) -> str:
        return f"ssl_certificate {self.certificate}; ssl_certificate_key {self.key};"


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_key(path: Path, key: Key, password: bytes | None = None) -> None:
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
    )


class Authority:
    """Signs certificates into a folder; `file` is its own."""

    def __init__(self, directory: Path, name: str = "Test Authority"):
        self.directory = directory
        self.name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._count = 0
        key_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.x509 = (
            self._builder(name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(key_id, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = directory / f"{name.replace(' ', '-').lower()}.pem"
        self.file.write_bytes(self.x509.public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: str, key: object, days: tuple[int, int] = (-2, 30)
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(self.name))
            .public_key(key)  # type: ignore[arg-type]
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * DAY)
            .not_valid_after(now + days[1] * DAY)
        )

    def issue(
        self,
        *names: str,
        client: bool = False,
        days: tuple[int, int] = (-1, 20),
        kind: str = "ec",
        password: bytes | None = None,
    ) -> Pair:
        """A certificate for these names; the first is its subject."""
        key: Key = (
            ec.generate_private_key(ec.SECP256R1())
            if kind == "ec"
            else rsa.generate_private_key(65537, 2048)
        )
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        certificate = (
            self._builder(names[0], key.public_key(), days)
            .add_extension(
                x509.SubjectAlternativeName([_alternative(name) for name in names]), False
            )
            .add_extension(x509.ExtendedKeyUsage([usage]), False)
            .sign(self._key, hashes.SHA256())
        )
        self._count += 1
        stem = self.directory / f"{self.name.split()[0].lower()}-{self._count}"
        pair = Pair(stem.with_suffix(".crt"), stem.with_suffix(".key"), certificate)
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_key(pair.key, key, password)
        return pair

    def revoke(self, *pairs: Pair) -> Path:
        """A revocation list that names these."""
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(_name(self.name))
            .last_update(now - DAY)
            .next_update(now + 10 * DAY)
        )
        for pair in pairs:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(pair.x509.serial_number)
                .revocation_date(now - DAY)
                .build()
            )
        path = self.directory / f"{self.name.split()[0].lower()}-crl.pem"
        crl = builder.sign(self._key, hashes.SHA256())
        path.write_bytes(crl.public_bytes(serialization.Encoding.PEM))
        return path
