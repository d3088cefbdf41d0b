"""One line of JSON for each request; credentials in paths are left out of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.credential_paths import CredentialPath

PATHS = (":path", "x-envoy-original-path")


def access_log(policies: Mapping[str, Any], hidden: Sequence[CredentialPath]) -> list[dict[str, Any]]:
    """The loggers: one for all, one for each path with a credential, which writes the same line without it.

    Several, because an expression in one would be worked out for every call.
    """
    line = policies["line"]
    others = [
        {"header_filter": {"header": _holds(path, name) | {"invert_match": True}}} for path in hidden for name in PATHS
    ]
    for each in others:
        if each["header_filter"]["header"]["name"] != ":path":
            each["header_filter"]["header"]["treat_missing_header_as_empty"] = True
    return [_logger([policies["worth_a_line"], *others], line), *(_without(path, policies) for path in hidden)]


def _without(path: CredentialPath, policies: Mapping[str, Any]) -> dict[str, Any]:
    those = {"or_filter": {"filters": [{"header_filter": {"header": _holds(path, name)}} for name in PATHS]}}
    rpc = f'%CEL(request.path.contains("{path.trace}") ? "" : request.url_path)%'
    return _logger([policies["worth_a_line"], those], policies["line"] | {"path": path.shown, "rpc": rpc})


def _holds(path: CredentialPath, header: str) -> dict[str, Any]:
    return {"name": header, "string_match": {"contains": path.trace}}


def _logger(filters: Sequence[Mapping[str, Any]], line: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": "envoy.access_loggers.stdout",
        "filter": {"and_filter": {"filters": filters}},
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"omit_empty_values": True, "json_format": line},
        },
    }
