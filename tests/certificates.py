"""Certificates as tests need them: an authority of one's own, and what it vouches for."""

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Vouches for whoever a test names."""

    def __init__(self, name: str = "tests") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self._name, self._key.public_key(), self._name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    def write(self, file: Path) -> Path:
        """Writes its own certificate, which is no secret."""
        file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return file

    def issue(self, folder: Path, name: str, *names: str) -> Pair:
        """A certificate for `localhost`, 127.0.0.1 and these names, for servers and clients, in `folder/name.*`.

        Files of an earlier one are replaced by renaming, the key first.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternatives = [x509.DNSName(each) for each in ("localhost", *names)]
        loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = (
            _builder(subject, key.public_key(), self._name)
            .add_extension(x509.SubjectAlternativeName([*alternatives, loopback]), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _replace(pair.key, secret)
        _replace(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))
        return pair


def _builder(subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )


def _replace(file: Path, content: bytes) -> None:
    scratch = file.with_name(f"{file.name}.{os.getpid()}.new")
    scratch.write_bytes(content)
    scratch.replace(file)
