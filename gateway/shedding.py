"""The script by which the edge refuses what a service says it cannot do, with what of it derives from the contract."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.descriptor import ServiceDescriptor
from qmcp.options.v1 import options_pb2

from gateway.contract import at_edge, bindings, call_kind, short_name, verb_and_template

SCRIPT = Path(__file__).with_name("shedding.lua")
GROUPS = ("reads", "writes", "long")
WAITING = (options_pb2.CALL_KIND_WAIT, options_pb2.CALL_KIND_STREAM)


def shedding(services: Sequence[ServiceDescriptor]) -> str:
    """The script, which goes after responses.lua: each uses what the other defines."""
    names = [short_name(service) for service in services]
    routes = {route: name for name in names for route in (f"json-{name}", *(f"{name}-{group}" for group in GROUPS))}
    waiting = [
        lua_pattern(f"{verb.upper()} {template}")
        for service in services
        for method in at_edge(service)
        if call_kind(method) in WAITING
        for verb, template in map(verb_and_template, bindings(method))
    ]
    script = SCRIPT.read_text()
    script = script.replace(
        "@services@", f"{{{', '.join(f'[{json.dumps(r)}] = {json.dumps(n)}' for r, n in routes.items())}}}"
    )
    return script.replace("@waiting@", f"{{{', '.join(map(json.dumps, waiting))}}}")


def lua_pattern(route: str) -> str:
    """`^POST /v1/tools/[^:]+/?$` of `POST /v1/tools/{name}`: after a colon stands a verb, which is a route of ours."""
    literals = (re.sub(r"[^A-Za-z0-9/ ]", r"%\g<0>", literal) for literal in re.split(r"\{[^}]*\}", route))
    return f"^{'[^:]+'.join(literals)}/?$"
