"""Where nothing checks who calls: rules that keep pages of other sites out, by host and origin, for Envoy's RBAC."""

import re
from collections.abc import Sequence
from typing import Any

from gateway.credential_paths import CredentialPath
from gateway.settings import EdgeSettings, is_loopback

# Names of the rules; the edge's answers know by them which one refused.
HOST = "host"
SITE = "site"
ORIGIN = "origin"
# What only this machine answers to; a page of any other name came by DNS to an address that is not its own.
THIS_MACHINE = r"(?:[a-z0-9-]+\.)*localhost", r"127(?:\.[0-9]{1,3}){3}", r"\[::1\]"
# The origin of the edge itself, written by the edge: two headers can be compared, parts of one cannot.
OWN_ORIGIN = "x-qmcp-own-origin"
# What a link on any page may lead to. They show nothing but the contract.
OPEN_PAGES = r"/(docs(/[a-z.]+)?)?"

Rule = dict[str, Any]


def rules(settings: EdgeSettings, hidden: Sequence[CredentialPath]) -> dict[str, Rule]:
    """What is denied, by name. Nothing where callers are checked: a browser adds no credential on its own.

    Args:
        settings: whether callers are checked, and which hosts and origins are let in.
        hidden: paths that are credentials themselves; they are opened from mails and chats.
    """
    if settings.auth == "on":
        return {}
    allowed = [re.escape(each) for each in _listed(settings.allowed_hosts)]
    denied: dict[str, Rule] = {}
    if is_loopback(settings.host) or allowed:
        hosts = "|".join([*THIS_MACHINE, *allowed])
        denied[HOST] = _rule(_not(_header(":authority", rf"(?i)(?:{hosts})\.?(?::[0-9]+)?")))
    origins = _listed(settings.cors_origins)
    if "*" in origins:
        return denied
    elsewhere = [_not({"url_path": {"path": {"prefix": path.prefix}}}) for path in hidden]
    listed = [_not(_header("origin", "|".join(map(re.escape, origins))))] if origins else []
    asked = [
        _header(":method", "GET|HEAD"),
        _header("sec-fetch-mode", "navigate"),
        _header("sec-fetch-dest", "document"),
    ]
    opened = {"url_path": {"path": {"safe_regex": {"regex": OPEN_PAGES}}}}
    # Browsers write it themselves, for hosts that they trust as this machine; a page cannot.
    told = _not(_header("sec-fetch-site", "same-origin|none"))
    denied[SITE] = _rule(_present("sec-fetch-site"), told, *listed, *elsewhere, _not(_all(*asked, opened)))
    # For other hosts they only tell the origin.
    untold = _not(_present("sec-fetch-site"))
    denied[ORIGIN] = _rule(_present("origin"), untold, *listed, *elsewhere) | {
        "condition": _differ("origin", OWN_ORIGIN)
    }
    return denied


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _rule(*permissions: Rule) -> Rule:
    return {"permissions": [_all(*permissions)], "principals": [{"any": True}]}


def _all(*permissions: Rule) -> Rule:
    return {"and_rules": {"rules": list(permissions)}}


def _not(permission: Rule) -> Rule:
    return {"not_rule": permission}


def _header(name: str, regex: str) -> Rule:
    return {"header": {"name": name, "string_match": {"safe_regex": {"regex": regex}}}}


def _present(name: str) -> Rule:
    return {"header": {"name": name, "present_match": True}}


def _differ(one: str, other: str) -> Rule:
    """The expression `request.headers[one] != request.headers[other]`, as Envoy reads it."""
    return {"call_expr": {"function": "_!=_", "args": [_value(one), _value(other)]}}


def _value(header: str) -> Rule:
    headers = {"select_expr": {"operand": {"ident_expr": {"name": "request"}}, "field": "headers"}}
    return {"call_expr": {"function": "_[_]", "args": [headers, {"const_expr": {"string_value": header}}]}}
