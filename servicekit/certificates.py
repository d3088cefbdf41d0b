"""The certificates by which services know each other: mutual TLS on every gRPC connection, renewed while it runs."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import structlog

logger = structlog.get_logger(__name__)

# Which version of each file: a new one has another inode, or was written at another time.
Version = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: this service's own certificate and key, and the authority whose certificates it believes."""

    certificate: Path
    key: Path
    authority: Path

    def version(self) -> Version:
        """Changes when a file is replaced. OSError where one is missing."""
        found = (path.stat() for path in (self.certificate, self.key, self.authority))
        return tuple((stat.st_ino, stat.st_mtime_ns) for stat in found)

    def check(self) -> None:
        """Reads the files. OSError where one cannot be read; ssl.SSLError where they do not belong together."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key, password="")
        context.load_verify_locations(self.authority)

    def of_channel(self) -> grpc.ChannelCredentials:
        """What a caller shows and believes, as the files are now."""
        return grpc.ssl_channel_credentials(
            self.authority.read_bytes(), self.key.read_bytes(), self.certificate.read_bytes()
        )

    def of_server(self) -> grpc.ServerCredentials:
        """What a server shows, and that its callers must show one of the authority. Follows the files."""
        return grpc.dynamic_ssl_server_credentials(
            self._server_configuration(), _Renewal(self), require_client_authentication=True
        )

    def _server_configuration(self) -> Any:
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_certificate_configuration([pair], self.authority.read_bytes())


def certificates(certificate: Path | None, key: Path | None, authority: Path | None) -> Certificates | None:
    """The certificates of the settings QMCP_GRPC_TLS_…; None where none of the three is set.

    Raises:
        SystemExit: where only some are set, or they cannot be used, with a sentence that says which.
    """
    given = {
        "QMCP_GRPC_TLS_CERTIFICATE_FILE": certificate,
        "QMCP_GRPC_TLS_KEY_FILE": key,
        "QMCP_GRPC_TLS_CA_FILE": authority,
    }
    if not any(given.values()):
        return None
    if certificate is None or key is None or authority is None:
        missing = ", ".join(name for name, path in given.items() if path is None)
        raise SystemExit(f"TLS between services needs all of {', '.join(given)}; missing: {missing}.")
    for name, path in given.items():
        try:
            assert path is not None
            path.read_bytes()
        except OSError as error:
            raise SystemExit(f"{name}={path} cannot be read: {error.strerror}.") from None
    found = Certificates(certificate, key, authority)
    try:
        found.check()
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        raise SystemExit(
            f"QMCP_GRPC_TLS_CERTIFICATE_FILE={certificate}, its key {key} and its authority {authority} cannot be used "
            f"together: {why}."
        ) from None
    return found


class _Renewal:
    """Called by gRPC with every handshake: the new certificates when there are some, else None."""

    def __init__(self, files: Certificates) -> None:
        self._files = files
        self._taken = files.version()

    def __call__(self) -> Any:
        try:
            version = self._files.version()
            if version == self._taken:
                return None
            # Between the move of the key and that of the certificate they do not match; the next handshake asks again.
            self._files.check()
            configuration = self._files._server_configuration()  # noqa: SLF001 - the other half of this class
        except (OSError, ValueError) as error:
            logger.warning("certificates_not_taken", error=str(error))
            return None
        self._taken = version
        logger.info("certificates_taken", file=str(self._files.certificate))
        return configuration
