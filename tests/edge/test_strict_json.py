"""On every route: what is unknown or malformed in body or query is refused by name, and nothing has happened."""

import json
from typing import NamedTuple

import httpx
import pytest
from qmcp.options.v1 import options_pb2

from gateway import contract
from gateway.openapi.operations import VARIABLE


class Route(NamedTuple):
    """A binding with a body of JSON; its placeholders are filled with a word that names nothing."""

    rpc: str
    verb: str
    path: str


def routes() -> list[Route]:
    found = []
    for service in contract.services():
        for method in service.methods:
            for rule in contract.bindings(method):
                field = method.input_type.fields_by_name.get(rule.body)
                body = method.input_type if field is None else field.message_type
                # A file, or a form with some, is no JSON.
                if rule.body and (body is None or body.full_name != "google.api.HttpBody"):
                    verb, template = contract.verb_and_template(rule)
                    found.append(Route(method.name, verb, VARIABLE.sub("nothing", template)))
    return found


def routes_with_names() -> list[tuple[Route, str]]:
    """Those with a placeholder, and the field that this is; what a link's token is, is not handed on in the path."""
    rules = [
        (method, rule)
        for service in contract.services()
        for method in contract.at_edge(service)
        if not contract.option(method, options_pb2.path_credential)
        for rule in contract.bindings(method)
    ]
    written = [(method.name, *contract.verb_and_template(rule)) for method, rule in rules]
    return [
        (Route(name, verb, VARIABLE.sub("nothing", template)), VARIABLE.search(template)[1])
        for name, verb, template in written
        if VARIABLE.search(template)
    ]


@pytest.fixture
def http(stack):
    with httpx.Client(base_url=stack.edge_url, timeout=60) as client:
        yield client


def send(http: httpx.Client, route: Route, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    return http.request(route.verb.upper(), route.path, content=body, headers=headers)


def violations(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 400, answer.text
    info, bad = answer.json()["details"][:2]
    assert info["reason"] == "INVALID_REQUEST"
    return [violation["field"] for violation in bad["field_violations"]]


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.rpc} {route.path}")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"no_such_field": 1}', "no_such_field"),
        (b"{'a': 1}", ""),
        (b'{"a": 1,}', ""),
        (b'{"no_such_field": 1, "no_such_field": 2}', "no_such_field"),
        (b"[]", ""),
    ],
    ids=["unknown", "single quotes", "trailing comma", "twice", "list"],
)
def test_a_body_is_taken_as_it_is_or_refused(http, route, body, field):
    assert violations(send(http, route, body)) == [field]


@pytest.mark.parametrize(("route", "field"), routes_with_names(), ids=str)
def test_a_query_does_not_overrule_the_path(http, route, field):
    """The path is what rules and logs at the edge go by: a call of one tool would run another."""
    headers = {"Content-Type": "application/json"}
    for name in (field, f"%{ord(field[0]):x}{field[1:]}"):
        answer = http.request(route.verb.upper(), f"{route.path}?{name}=other", headers=headers)
        assert violations(answer) == [field], name


def test_a_query_says_each_thing_once_and_with_a_value(http):
    once = http.get("/v1/sessions?user_id=a&page_size=2&user_id=b&pageSize=3")
    assert violations(once) == ["user_id", "pageSize"]
    # It would have been dropped, and what should only be tried be done.
    assert violations(http.post("/v1/metrics/retention:cleanup?dry_run", json={})) == ["dry_run"]
    assert http.get("/v1/metrics/costs?group_by=a&group_by=b&").status_code == 200


def test_a_typo_never_switches_a_protection_off(http):
    tool = {"http": {"method": "GET", "url": "https://tools.example.com/"}, "aproval": {"mode": "always"}}
    assert violations(http.put("/v1/tools/guard/typo", json=tool)) == ["aproval"]
    assert http.get("/v1/tools/guard/typo").status_code == 404


def test_an_id_beyond_a_doubles_integers_is_refused_before_anything_runs(http):
    body = {"input": {"message": "m", "id": 1234567890123456789}, "correlation_id": "beyond"}
    assert violations(http.post("/v1/tools/echo:invoke", json=body)) == ["input.id"]
    assert http.get("/v1/invocations", params={"correlation_id": "beyond"}).json()["invocations"] == []
    body["input"]["id"] = "1234567890123456789"
    assert http.post("/v1/tools/echo:invoke", json=body).json()["input_params"]["id"] == "1234567890123456789"


def test_a_byte_order_mark_is_no_part_of_the_body(http):
    body = b"\xef\xbb\xbf" + json.dumps({"input": {"message": "marked"}}).encode()
    headers = {"Content-Type": "application/json"}
    assert http.post("/v1/tools/echo", content=body, headers=headers).json()["result"] == "marked"
