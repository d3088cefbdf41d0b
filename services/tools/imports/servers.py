"""Where the API of a document is."""

import re
from typing import Any
from urllib.parse import urljoin

from openapi_pydantic.v3.v3_1 import Server

from services.tools.imports.documents import Document
from services.tools.imports.models import ImportRequest, UnfitError

VARIABLE = re.compile(r"\{([^{}]+)\}")
ABSOLUTE = re.compile(r"^https?://[^/{}]+", re.IGNORECASE)


def server_of(document: Document, item: dict[str, Any], operation: dict[str, Any], request: ImportRequest) -> str:
    """The address before an operation's path: what is asked for, else the first that the document names for it.

    Raises:
        UnfitError: there is none.
    """
    if request.server_url:
        return request.server_url.rstrip("/")
    named = next((one["servers"] for one in (operation, item, document.root) if one.get("servers")), None)
    url = "/"
    if isinstance(named, list):
        server = Server.model_validate(named[0])
        defaults = {name: each.default for name, each in (server.variables or {}).items()}
        url = VARIABLE.sub(lambda found: defaults.get(found[1], found[0]), server.url)
    if request.url:
        url = urljoin(request.url, url)
    if not ABSOLUTE.match(url) or VARIABLE.search(url):
        raise UnfitError(f"is at {url[:200]!r}, which is no whole address: name the server with server_url")
    return url.partition("?")[0].rstrip("/")
