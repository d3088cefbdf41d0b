"""The certificates of the edge: whether they can be used, and the files by which Envoy reads and watches them."""

import json
import ssl
from pathlib import Path
from typing import Any

from gateway.settings import EdgeSettings

# The edge's own certificate, shown to callers. The names are those of the files, too.
EDGE = "edge"
TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"


def fault(settings: EdgeSettings) -> str:
    """A sentence on why the certificates cannot be used; empty where they can, or where there are none."""
    return _fault_of_pair(
        ("QMCP_TLS_CERTIFICATE_FILE", settings.tls_certificate_file), ("QMCP_TLS_KEY_FILE", settings.tls_key_file)
    )


def write_secrets(settings: EdgeSettings, folder: Path) -> None:
    """Writes the files that envoy.yaml refers to. They name the PEM files, so Envoy sees when those are replaced."""
    if settings.tls_certificate_file and settings.tls_key_file:
        _write(folder / EDGE, {"tls_certificate": _pair(settings.tls_certificate_file, settings.tls_key_file)})


def _pair(certificate: Path, key: Path) -> dict[str, Any]:
    return {
        "certificate_chain": {"filename": str(certificate.absolute())},
        "private_key": {"filename": str(key.absolute())},
    }


def _write(file: Path, secret: dict[str, Any]) -> None:
    file.write_text(json.dumps({"resources": [{"@type": TYPE, "name": file.name, **secret}]}))


def _fault_of_pair(certificate: tuple[str, Path | None], key: tuple[str, Path | None]) -> str:
    (certificate_variable, certificate_file), (key_variable, key_file) = certificate, key
    if certificate_file is None and key_file is None:
        return ""
    for variable, file, other in (
        (certificate_variable, certificate_file, key_variable),
        (key_variable, key_file, certificate_variable),
    ):
        if file is None:
            return f"{other} is set and {variable} is not: TLS needs both."
        try:
            file.read_bytes()
        except OSError as error:
            return f"{variable}={file} cannot be read: {error.strerror}."
    try:
        # Envoy itself would start with a pair that does not match, and close every connection.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(str(certificate_file), str(key_file), password="")
    except (ssl.SSLError, ValueError) as error:
        return (
            f"{certificate_variable}={certificate_file} and {key_variable}={key_file} are no certificate and its key, "
            f"PEM without a password: {getattr(error, 'reason', None) or error}."
        )
    return ""
