"""Asks our own processes with the standard library: importing an HTTP client costs a third of a second a start."""

import asyncio
import http.client
import ssl
import urllib.error
import urllib.request

# The certificate may be for the name by which others call the edge; who answers on our own port is no question.
UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE
# Not through a proxy that the environment names.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=UNVERIFIED))


def ask(url: str, seconds: float) -> tuple[int, str]:
    """The status and the text of what answers there.

    Raises:
        OSError: when nothing does within `seconds` a read.
    """
    try:
        with OPENER.open(url, timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except http.client.HTTPException as error:
        raise OSError(f"{url}: {error!r}") from error


async def listens(host: str, port: int) -> bool:
    """Whether anybody listens there; what listens may not be able to answer yet."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
