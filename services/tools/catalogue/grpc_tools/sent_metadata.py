"""What is sent along with calls and questions to a gRPC server."""

from collections.abc import Mapping

from services.tools.catalogue.credentials import Credentials
from services.tools.catalogue.http_tools import UpstreamError
from services.tools.models import GrpcSource

Metadata = tuple[tuple[str, str], ...]
PRINTABLE = range(0x20, 0x7F)


async def metadata_of(credentials: Credentials, source: GrpcSource, ids: Mapping[str, str]) -> Metadata:
    """The ids of the call, and over them what the owner says, with secrets and tokens.

    Raises:
        UpstreamError: gRPC would not send it, and would say so by telling all of it.
        ServiceError: SECRET_NOT_FOUND.
        TokenError: an authorization server gave no token.
    """
    filled = await credentials.fill(source.metadata)
    for name, value in filled.items():
        if not all(ord(letter) in PRINTABLE for letter in value):
            raise UpstreamError(f"The metadata {name!r} is not of printable ASCII. Nothing was sent.")
    return tuple({**ids, **filled}.items())
