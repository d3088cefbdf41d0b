"""Verifies an export of receipts with nothing but a public key: no trust in the service that made it."""

from qmcp.client.receipts.archives import joined, number
from qmcp.client.receipts.export import ExportVerifier, verify_archive, verify_export
from qmcp.client.receipts.keys import PublicKeys

__all__ = ["ExportVerifier", "PublicKeys", "joined", "number", "verify_archive", "verify_export"]
