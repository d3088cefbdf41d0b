"""What can be created by a name is found by it over HTTP, on every route that has the name, escaped and plain."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from google.protobuf import json_format
from qmcp.options.v1 import options_pb2

from gateway.contract import bindings, option, verb_and_template
from tests.contract.test_names import CREATIONS, FOUND, LOST, OPERATIONS, named
from tests.stack import Stack

# What a path may hold as it is, by RFC 3986; a plain path leaves it so.
PLAIN = "!$&'()*+,;=:@~-._/"
NAMES = [*FOUND, "team/42", "a/b:c", *LOST, *OPERATIONS]


def routes(subject: Any, collection: str) -> Iterator[tuple[str, str, Any]]:
    """Every route below a collection that takes a name first: its verb, it with `{}` for the name, and a body."""
    found = []
    for method in subject.service.methods:
        for rule in bindings(method):
            verb, template = verb_and_template(rule)
            variable = template.removeprefix(f"{collection}/").partition("}")[0] + "}"
            if template.startswith(f"{collection}/{{"):
                # What would run something is refused instead, which its route does as well.
                runs = option(method, options_pb2.permission).endswith(".invoke")
                body = {"no such field": 1} if runs else {}
                found.append((verb.upper(), template.replace(variable, "{}", 1), body if rule.body else None))
    # What ends it first, then a wait for its end is none; what deletes it last.
    return iter(sorted(found, key=lambda route: (route[0] == "DELETE", not route[1].endswith(":cancel"), *route[:2])))


CREATED = [each for each in CREATIONS if each.values[1].name.startswith("Create")]


@pytest.mark.parametrize(("subject", "method", "field"), CREATED)
def test_what_can_be_created_is_found_by_its_path(stack: Stack, subject: Any, method: Any, field: str) -> None:
    verb, collection = verb_and_template(bindings(method)[0])
    created = 0
    with httpx.Client(base_url=stack.edge_url, timeout=60) as http:
        for name in NAMES:
            request = named(subject, method, field, name)
            body = json_format.MessageToDict(request, preserving_proto_field_name=True)
            answer = http.request(verb, collection, json=body.get(bindings(method)[0].body, body))
            if answer.status_code != 201:
                refused = answer.json()["details"]
                assert (answer.status_code, refused[0]["reason"]) == (400, "INVALID_REQUEST"), name
                assert refused[1]["field_violations"][0]["field"] == field, "it says which name"
                continue
            created += 1
            for verb_, template, content in routes(subject, collection):
                paths = {quote(name, safe=""), quote(name, safe=PLAIN)}
                answers = {path: http.request(verb_, raw(stack, template.format(path)), json=content) for path in paths}
                told = {path: (answer.status_code, answer.text) for path, answer in answers.items()}
                if verb_ == "DELETE":
                    assert sorted(status for status, _ in told.values()) in ([200], [200, 404]), told
                else:
                    assert all(status != 404 for status, _ in told.values()), (verb_, template, told)
                if (verb_, template) == ("GET", f"{collection}/{{}}"):
                    assert all(name in values(answer.json()) for answer in answers.values()), told
    assert created, "some names are taken"


def raw(stack: Stack, path: str) -> httpx.URL:
    """The address as it is, without what the client would make of it."""
    return httpx.URL(stack.edge_url).copy_with(raw_path=path.encode())


def values(document: Any) -> Iterator[Any]:
    """All values of a document."""
    if isinstance(document, dict):
        for value in document.values():
            yield from values(value)
    else:
        yield document
