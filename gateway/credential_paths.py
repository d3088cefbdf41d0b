"""The paths of which a part is a credential: no part of the edge writes them down, whatever becomes of the request."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from qmcp.options.v1 import options_pb2

from gateway.contract import bindings, option, verb_and_template


@dataclass(frozen=True, slots=True)
class CredentialPath:
    """`/v1/human/links/{token}`, and the RPCs that it leads to."""

    service: ServiceDescriptor
    # What may be written down instead.
    shown: str
    methods: tuple[MethodDescriptor, ...]

    @property
    def prefix(self) -> str:
        """`/v1/human/links/`."""
        return self.shown.rpartition("/")[0] + "/"

    @property
    def name(self) -> str:
        """`links`."""
        return self.prefix.split("/")[-2]

    @property
    def trace(self) -> str:
        """What such a path has in it even where it was not quite hit: `human/link`."""
        return "/".join(self.prefix.split("/")[-3:-1]).removesuffix("s")

    @property
    def lost(self) -> str:
        """As a regular expression: paths that look as if they held such a credential."""
        return f".*{re.escape(self.trace)}s?/.*"

    @property
    def tracing(self) -> dict[str, Any]:
        """What traces are told of it."""
        return {
            # Here the share of all others does not count; where the caller traces, so do we.
            "random_sampling": {"numerator": 0},
            "custom_tags": [{"tag": "http.url", "literal": {"value": self.shown}}],
        }


def credential_paths(services: Sequence[ServiceDescriptor]) -> list[CredentialPath]:
    """Every such path, in order of the services."""
    found: dict[str, list[MethodDescriptor]] = {}
    for service in services:
        for method in service.methods:
            if option(method, options_pb2.path_credential):
                for rule in bindings(method):
                    found.setdefault(verb_and_template(rule)[1], []).append(method)
    return [
        CredentialPath(methods[0].containing_service, template, tuple(methods)) for template, methods in found.items()
    ]
