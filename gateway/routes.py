"""Envoy's routes, derived from the contract: where each RPC goes, how long it may take, when it is sent again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from qmcp.options.v1 import options_pb2

from gateway import other_methods
from gateway.clusters import ANY, streams
from gateway.contract import at_edge, bindings, call_kind, idempotency_level, option, short_name, verb_and_template
from gateway.credential_paths import CredentialPath
from gateway.local_replies import ENCODING, IDS, OTHERS, READ_CONTENT_ENCODING, unsound
from gateway.other_methods import path_regex

Route = dict[str, Any]
Policies = Mapping[str, Any]

KINDS = {
    options_pb2.CALL_KIND_QUICK: "quick",
    options_pb2.CALL_KIND_LONG: "long",
    options_pb2.CALL_KIND_WAIT: "wait",
    options_pb2.CALL_KIND_STREAM: "stream",
}
GROUPS = {
    options_pb2.CALL_KIND_LONG: "long",
    options_pb2.CALL_KIND_WAIT: "waits",
    options_pb2.CALL_KIND_STREAM: "streams",
}
# For these alone another replica is asked after the first may have begun; a wait is a read. Not for streams, of which
# callers have had a part, nor for what takes long, nor for what shows a credential.
SENT_AGAIN = ("reads", "waits")
WITH_BODY = "POST|PUT|PATCH"
# Where our own routes begin; those of original systems may stand outside.
VERSION = "/v1/"


def routes(policies: Policies, services: Sequence[ServiceDescriptor], hidden: Sequence[CredentialPath]) -> list[Route]:
    """Every route, in the order in which Envoy asks them."""
    own = policies["routes"]
    found = [
        *_of_unsound_headers(policies),
        *(route for service in services for route in _of_rpcs(policies, service, hidden)),
        _reflection(policies),
        *_of_original_paths(policies, services),
        *_of_other_methods(policies, services, hidden),
        *own["pages"],
        *own["mcp"],
        *(route for path in hidden for route in _of_credentials(policies, path)),
        *(route for service in services for route in _of_raw_bodies(policies, service)),
        *own["not_json"],
        *_of_json(policies, services),
        *own["nothing"],
    ]
    return [_readable(route, policies) for route in found]


def _readable(route: Route, policies: Policies) -> Route:
    """The route; where it answers itself, so that pages of allowed origins may read it."""
    if "direct_response" not in route or not policies["cors"]:
        return route
    return route | {"response_headers_to_add": [*route.get("response_headers_to_add", ()), *policies["cors"]]}


def _of_unsound_headers(policies: Policies) -> Iterator[Route]:
    """Refuses them before anything else; traces are not told of which path, for that may hold a credential."""
    for header in (*IDS, *OTHERS, ENCODING):
        yield {
            "name": f"{header}-refused",
            "match": {"prefix": "/", "headers": [unsound(header)]},
            "typed_per_filter_config": policies["filters"]["neither"],
            "tracing": {"custom_tags": [{"tag": "http.url", "literal": {"value": "/"}}]},
            "direct_response": {"status": 400},
        }


def _of_rpcs(policies: Policies, service: ServiceDescriptor, hidden: Sequence[CredentialPath]) -> Iterator[Route]:
    """What speaks gRPC, and what the transcoder has made of JSON. By name: what has no binding has no way in."""
    grouped: dict[str, list[MethodDescriptor]] = {}
    for method in at_edge(service):
        grouped.setdefault(_group(method, hidden), []).append(method)
    for group, methods in sorted(grouped.items()):
        retries = policies["retries"]["again" if group in SENT_AGAIN else "not_arrived"]
        names = "|".join(method.name for method in methods)
        # By the name that an RPC has with us, and by the one that it has in a standard.
        standards = [re.escape(each) for method in methods if (each := option(method, options_pb2.standard_rpc))]
        paths = "|".join(["/" + each for each in (f"{re.escape(service.full_name)}/({names})", *standards)])
        route: Route = {
            "name": f"{short_name(service)}-{group}",
            "match": {"safe_regex": {"regex": paths}},
            "typed_per_filter_config": policies["filters"][_passed_on(methods[0])],
            "route": _action(policies, methods[0]) | {"retry_policy": retries},
        }
        for path in hidden:
            if methods[0] in path.methods:
                # The credential must not travel on in a header that others log, or trace, as the path.
                header = {"key": "x-envoy-original-path", "value": path.shown}
                route["request_headers_to_add"] = [{"append_action": "OVERWRITE_IF_EXISTS", "header": header}]
                route["tracing"] = path.tracing
        yield route


def _group(method: MethodDescriptor, hidden: Sequence[CredentialPath]) -> str:
    """RPCs of one group have the same route."""
    for path in hidden:
        if method in path.methods:
            return path.name
    kind = call_kind(method)
    if method.client_streaming:
        return f"{KINDS[kind]}-uploads"
    if kind == options_pb2.CALL_KIND_QUICK:
        return "reads" if idempotency_level(method) == MethodOptions.NO_SIDE_EFFECTS else "writes"
    return GROUPS[kind]


def _passed_on(method: MethodDescriptor) -> str:
    """How its request goes on: when all of it is here, or, where it comes in parts, as they come."""
    return "streamed" if method.client_streaming else "without_body_limit"


def _action(policies: Policies, method: MethodDescriptor) -> Route:
    service, kind = method.containing_service, KINDS[call_kind(method)]
    cluster = streams(service) if kind in ("wait", "stream") else short_name(service)
    return {"cluster": cluster, **policies["kinds"][kind]}


def _reflection(policies: Policies) -> Route:
    """Every service describes the whole contract, so whichever is there is asked."""
    regex = r"/grpc\.(reflection\.v1(alpha)?\.ServerReflection|health\.v1\.Health)/.*"
    return {
        "name": "reflection",
        "match": {"safe_regex": {"regex": regex}},
        "typed_per_filter_config": policies["filters"]["streamed"],
        "route": {"cluster": ANY, **policies["kinds"]["stream"]},
    }


def _of_other_methods(
    policies: Policies, services: Sequence[ServiceDescriptor], hidden: Sequence[CredentialPath]
) -> Iterator[Route]:
    """OPTIONS, and what is 405; of paths with a credential nothing is written down here either."""
    shown = {path.shown: path for path in hidden}
    known = other_methods.paths(services)
    pages = [_regex_of(page["match"]) for page in policies["routes"]["pages"]]
    filters = policies["filters"]
    for path in known:
        if path.template in shown:
            away = {"typed_per_filter_config": filters["neither"], "tracing": shown[path.template].tracing}
            yield from other_methods.routes([path], [], away)
    others = [path for path in known if path.template not in shown]
    yield from other_methods.routes(others, pages, {"typed_per_filter_config": filters["as_it_is"]})


def _regex_of(match: Route) -> str:
    return str(match["safe_regex"]["regex"] if "safe_regex" in match else re.escape(match["path"]))


def _of_credentials(policies: Policies, path: CredentialPath) -> Iterator[Route]:
    """Paths with a credential in them: body_size_limit would log it, the services have a limit of their own."""
    guarded = {"typed_per_filter_config": policies["filters"]["without_body_limit"], "tracing": path.tracing}
    away = {"typed_per_filter_config": policies["filters"]["neither"], "tracing": path.tracing}
    lost: Route = {"safe_regex": {"regex": path.lost}}
    action = {"route": _action(policies, path.methods[0])}
    for method in path.methods:
        for rule in bindings(method):
            if option(method, options_pb2.request_content_type):
                yield {"name": f"{path.name}-with-body", "match": _with_body(method, rule), **guarded, **action}
    with_body = [{"name": ":method", "string_match": {"safe_regex": {"regex": WITH_BODY}}}]
    yield {
        "name": f"{path.name}-not-taken",
        "match": lost | {"headers": with_body},
        **away,
        "direct_response": {"status": 415},
    }
    yield {"name": path.name, "match": {"prefix": path.prefix}, **guarded, **action}
    yield {"name": f"lost-{path.name}", "match": lost, **away, "direct_response": {"status": 404}}


def _of_raw_bodies(policies: Policies, service: ServiceDescriptor) -> Iterator[Route]:
    """Bodies that are passed on as they come: of the types that the RPC takes, not JSON alone."""
    for method in at_edge(service):
        if option(method, options_pb2.request_content_type) and not option(method, options_pb2.path_credential):
            for rule in bindings(method):
                filters = policies["filters"]
                yield {
                    "name": f"{short_name(service)}-body",
                    "match": _with_body(method, rule),
                    "typed_per_filter_config": filters["remembered"]
                    | (filters["streamed"] if method.client_streaming else {}),
                    "route": _action(policies, method),
                }


def _with_body(method: MethodDescriptor, rule: HttpRule) -> Route:
    verb, template = verb_and_template(rule)
    # What comes in parts is read as it comes; what comes whole is unpacked by the service.
    plain = {"name": "content-encoding", "present_match": True, "invert_match": True}
    kinds = "|".join(map(re.escape, option(method, options_pb2.request_content_type)))
    return {
        "safe_regex": {"regex": path_regex(template, one="[^/]+", many=".+")},
        "headers": [
            {"name": ":method", "string_match": {"exact": verb.upper()}},
            plain if method.client_streaming else READ_CONTENT_ENCODING,
            {"name": "content-type", "string_match": {"safe_regex": {"regex": rf"(?i)\s*({kinds})\s*(;.*)?"}}},
        ],
    }


def _of_original_paths(policies: Policies, services: Sequence[ServiceDescriptor]) -> Iterator[Route]:
    """HTTP/JSON on paths of original systems that stand outside the version, where pages may have the same path.

    So each has its methods, and stands before the pages; what makes a body none of ours is as for all others.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for service in services:
        for method in at_edge(service):
            for rule in bindings(method):
                verb, template = verb_and_template(rule)
                if not template.startswith(VERSION):
                    verbs = "GET|HEAD" if verb == "get" else verb.upper()
                    regex = f"{path_regex(template, one='[^/:]+', many='[^:]+')}/?"
                    found.setdefault((short_name(service), verbs), []).append(regex)
    with_body = [regex for (_, verbs), paths in found.items() if verbs in WITH_BODY.split("|") for regex in paths]
    for refusal in policies["routes"]["not_json"] if with_body else []:
        match = {"safe_regex": {"regex": "|".join(with_body)}, "headers": refusal["match"]["headers"]}
        yield refusal | {"name": f"{refusal['name']}-original", "match": match}
    for (name, verbs), paths in found.items():
        taken = {"name": ":method", "string_match": {"safe_regex": {"regex": verbs}}}
        asked = {"name": ":method", "string_match": {"exact": "OPTIONS"}}
        preflight = [asked, {"name": other_methods.PREFLIGHT, "present_match": True}]
        for suffix, headers in (("", [taken]), ("-preflight", preflight)):
            yield {
                "name": f"json-{name}-original-{verbs.lower().replace('|', '-')}{suffix}",
                "match": {"safe_regex": {"regex": "|".join(paths)}, "headers": headers},
                "route": {"cluster": name, **policies["kinds"]["quick"]},
            }


def _of_json(policies: Policies, services: Sequence[ServiceDescriptor]) -> Iterator[Route]:
    """HTTP/JSON, by what stands after the version; once the transcoder knows the RPC, the routes above hold.

    Raises ValueError where two services claim the same.
    """
    claimed: dict[str, str] = {}
    for service in services:
        name = short_name(service)
        templates = [verb_and_template(rule)[1] for method in at_edge(service) for rule in bindings(method)]
        versioned = [template.removeprefix(VERSION) for template in templates if template.startswith(VERSION)]
        areas = sorted({re.split("[/:]", template)[0] for template in versioned})
        for area in areas:
            if claimed.setdefault(area, name) != name:
                raise ValueError(f"/v1/{area} is claimed by {claimed[area]} and by {name}")
        yield {
            "name": f"json-{name}",
            "match": {"safe_regex": {"regex": f"/v1/({'|'.join(areas)})([/:].*)?"}},
            "route": {"cluster": name, **policies["kinds"]["quick"]},
        }
    # The transcoder refuses it. A route that leads nowhere would keep that from pages of other origins: CORS is for
    # routes alone that lead to a cluster.
    yield {"name": "json-unknown", "match": {"prefix": "/v1/"}, "route": {"cluster": ANY, **policies["kinds"]["quick"]}}
