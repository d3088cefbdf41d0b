"""Which headers an operation needs so that its server knows who asks: security schemes, filled by named secrets."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from openapi_pydantic.v3.v3_1 import SecurityScheme
from pydantic import ValidationError

from servicekit.errors import invalid_field
from services.tools.imports.documents import Document
from services.tools.imports.models import UnfitError

# As HttpSource takes them.
NAME = re.compile(r"[A-Za-z0-9-]{1,64}")


class Security:
    """The schemes of a document for which there are secrets."""

    def __init__(self, document: Document, secrets: Mapping[str, str], clients: Collection[str]) -> None:
        """Looks what each secret is for; those that are OAuth clients give tokens.

        Raises:
            ServiceError: INVALID_REQUEST: the document has no such scheme, or one that no header fills.
        """
        self._document = document
        components = document.root.get("components")
        schemes = components.get("securitySchemes") if isinstance(components, dict) else None
        self._headers: dict[str, tuple[str, str]] = {}
        for scheme, secret in secrets.items():
            raw = schemes.get(scheme) if isinstance(schemes, dict) else None
            try:
                described = SecurityScheme.model_validate(document.resolved(raw))
                header = _token(described, secret) if secret in clients else _header(described, f"${{secret.{secret}}}")
            except (ValidationError, UnfitError):
                header = None
            if header is None:
                why = f"has no security scheme {scheme!r} that a header fills, in the document"
                raise invalid_field("secrets", why)
            self._headers[scheme] = header

    def headers(self, operation: dict[str, Any], notes: list[str]) -> dict[str, str]:
        """The headers of the first requirement of an operation that can be met whole."""
        asked = operation.get("security", self._document.root.get("security"))
        alternatives = [each for each in asked if isinstance(each, dict)] if isinstance(asked, list) else []
        for schemes in alternatives:
            if schemes and schemes.keys() <= self._headers.keys():
                return dict(self._headers[scheme] for scheme in sorted(schemes))
        if alternatives and not any(not schemes for schemes in alternatives):
            needed = " or ".join(" with ".join(sorted(schemes)) for schemes in alternatives)
            notes.append(f"is sent without credentials: no secrets are named for {needed}")
        return {}


def _header(scheme: SecurityScheme, secret: str) -> tuple[str, str] | None:
    """A header's name and value; None of schemes that take another form."""
    if scheme.type == "apiKey" and scheme.name:
        if scheme.security_scheme_in == "header":
            return (scheme.name, secret) if NAME.fullmatch(scheme.name) else None
        return ("Cookie", f"{scheme.name}={secret}") if scheme.security_scheme_in == "cookie" else None
    if scheme.type == "http" and (scheme.scheme or "").lower() in {"basic", "bearer"}:
        return "Authorization", f"{str(scheme.scheme).capitalize()} {secret}"
    return ("Authorization", f"Bearer {secret}") if scheme.type in {"oauth2", "openIdConnect"} else None


def _token(scheme: SecurityScheme, client: str) -> tuple[str, str] | None:
    """The same with a token of an OAuth client; None of schemes that take none."""
    is_bearer = scheme.type == "http" and (scheme.scheme or "").lower() == "bearer"
    takes = is_bearer or scheme.type in {"oauth2", "openIdConnect"}
    return ("Authorization", f"${{oauth.{client}}}") if takes else None
