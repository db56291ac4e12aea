"""Certificates for tests: an authority, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

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


def _access(responder: str) -> x509.AuthorityInformationAccess:
    url = x509.UniformResourceIdentifier(responder)
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, url)]
    )


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


# Python 3.13 and OpenSSL's strict mode ask for these in an authority's certificate.
_SIGNS = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
    encipher_only=False, decipher_only=False,
)  # fmt: skip


class Authority:
    """Signs certificates into a folder; `file` is its own."""

    def __init__(self, directory: Path, name: str = "Test Authority"):
        self.directory = directory
        self.name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._count = 0
        self._key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        key_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.x509 = (
            self._builder(name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(key_id, critical=False)
            .add_extension(_SIGNS, critical=True)
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
        responder: str | None = None,
    ) -> Pair:
        """A certificate for these names; the first is its subject. `responder` is the URL at which
        OCSP would say whether it is revoked."""
        key: Key = (
            ec.generate_private_key(ec.SECP256R1())
            if kind == "ec"
            else rsa.generate_private_key(65537, 2048)
        )
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = (
            self._builder(names[0], key.public_key(), days)
            .add_extension(
                x509.SubjectAlternativeName([_alternative(name) for name in names]), False
            )
            .add_extension(x509.ExtendedKeyUsage([usage]), False)
            .add_extension(self._key_id, False)
        )
        if responder:
            builder = builder.add_extension(_access(responder), False)
        certificate = builder.sign(self._key, hashes.SHA256())
        self._count += 1
        stem = self.directory / f"{self.name.split()[0].lower()}-{self._count}"
        pair = Pair(stem.with_suffix(".crt"), stem.with_suffix(".key"), certificate)
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        _write_key(pair.key, key, password)
        return pair

    def vouch(self, pair: Pair, is_good: bool = True) -> Path:
        """An OCSP response that calls a certificate good, or revoked, for a week."""
        now = datetime.datetime.now(datetime.timezone.utc)
        status = ocsp.OCSPCertStatus.GOOD if is_good else ocsp.OCSPCertStatus.REVOKED
        response = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                pair.x509, self.x509, hashes.SHA1(), status,
                now - DAY, now + 7 * DAY, None if is_good else now - DAY, None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.x509)
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip
        path = pair.certificate.with_suffix(".ocsp")
        path.write_bytes(response.public_bytes(serialization.Encoding.DER))
        return path

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


def self_signed(directory: Path, name: str) -> Pair:
    """A certificate with a key of RSA, which has signed it itself."""
    key = rsa.generate_private_key(65537, 2048)
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 20 * DAY)
        .add_extension(x509.SubjectAlternativeName([_alternative(name)]), False)
        .sign(key, hashes.SHA256())
    )
    pair = Pair(directory / "own.crt", directory / "own.key", certificate)
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(pair.key, key)
    return pair
