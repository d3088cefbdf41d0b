"""Verifies an export of receipts with nothing but a public key: no trust in the service that made it."""

from qmcp.client.receipts.export import ExportVerifier, verify_export
from qmcp.client.receipts.keys import PublicKeys

__all__ = ["ExportVerifier", "PublicKeys", "verify_export"]
