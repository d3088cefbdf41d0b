"""The certificates of the edge: whether they can be used, and the files by which Envoy reads and watches them."""

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc

from gateway.settings import EdgeSettings, PeerSettings

# The secrets, and their files: what callers are shown, what services are shown, and whom of the services to believe.
EDGE = "edge"
CLIENT = "client"
AUTHORITY = "authority"
TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"


def fault(settings: EdgeSettings) -> str:
    """A sentence on why the certificates cannot be used; empty where they can, or where there are none."""
    own = {"QMCP_TLS_CERTIFICATE_FILE": settings.tls_certificate_file, "QMCP_TLS_KEY_FILE": settings.tls_key_file}
    return _fault(own) or fault_towards_services(settings)


def fault_towards_services(settings: PeerSettings) -> str:
    """The same of the certificates for the services alone."""
    return _fault(
        {
            "QMCP_GRPC_TLS_CERTIFICATE_FILE": settings.grpc_tls_certificate_file,
            "QMCP_GRPC_TLS_KEY_FILE": settings.grpc_tls_key_file,
            "QMCP_GRPC_TLS_CA_FILE": settings.grpc_tls_ca_file,
        }
    )


def towards_services(settings: PeerSettings) -> grpc.ChannelCredentials | None:
    """What a caller of the services shows and believes, as the files are now; None: plain text."""
    files = (settings.grpc_tls_ca_file, settings.grpc_tls_key_file, settings.grpc_tls_certificate_file)
    pem = [file.read_bytes() for file in files if file is not None]
    return grpc.ssl_channel_credentials(*pem) if pem else None


def write_secrets(settings: EdgeSettings, folder: Path) -> None:
    """Writes the files that envoy.yaml refers to. They name the PEM files, so Envoy sees when those are replaced."""
    if settings.tls_certificate_file and settings.tls_key_file:
        _write(folder / EDGE, {"tls_certificate": _pair(settings.tls_certificate_file, settings.tls_key_file)})
    if settings.grpc_tls_certificate_file and settings.grpc_tls_key_file and settings.grpc_tls_ca_file:
        own = _pair(settings.grpc_tls_certificate_file, settings.grpc_tls_key_file)
        _write(folder / CLIENT, {"tls_certificate": own})
        trusted = {"filename": str(settings.grpc_tls_ca_file.absolute())}
        _write(folder / AUTHORITY, {"validation_context": {"trusted_ca": trusted}})


def _pair(certificate: Path, key: Path) -> dict[str, Any]:
    return {
        "certificate_chain": {"filename": str(certificate.absolute())},
        "private_key": {"filename": str(key.absolute())},
    }


def _write(file: Path, secret: dict[str, Any]) -> None:
    file.write_text(json.dumps({"resources": [{"@type": TYPE, "name": file.name, **secret}]}))


def _fault(files: Mapping[str, Path | None]) -> str:
    """Of a certificate, its key and, where there is a third, an authority, by the variables that name them."""
    if not any(files.values()):
        return ""
    for variable, file in files.items():
        if file is None:
            given = " and ".join(name for name, other in files.items() if other)
            return f"{given} is set and {variable} is not: TLS needs all of {', '.join(files)}."
        try:
            file.read_bytes()
        except OSError as error:
            return f"{variable}={file} cannot be read: {error.strerror}."
    certificate, key, *authority = map(str, files.values())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Envoy itself would start with a pair that does not match, and close every connection.
        context.load_cert_chain(certificate, key, password="")
        for each in authority:
            context.load_verify_locations(each)
    except (ssl.SSLError, ValueError) as error:
        named = ", ".join(f"{variable}={file}" for variable, file in files.items())
        why = getattr(error, "reason", None) or error
        return f"{named} cannot be used together: {why}. All are PEM, and the key has no password."
    return ""
