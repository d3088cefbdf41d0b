"""What a path answers to methods that it does not take: OPTIONS and 405, both with Allow, derived from the contract."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor

from gateway.contract import at_edge, bindings, verb_and_template

Route = dict[str, Any]

VARIABLE = re.compile(r"\{[^}=]+(?:=([^}]*))?\}")
ORDER = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# A page of another origin asks by it what it may do; that is answered by the filter for CORS.
PREFLIGHT = "access-control-request-method"


@dataclass
class Path:
    """A path template and the methods that it takes."""

    template: str
    methods: set[str] = field(default_factory=set)

    @property
    def regex(self) -> str:
        """What it stands for; a colon begins a verb, which makes it another path."""
        return path_regex(self.template, one="[^/:]+", many="[^:]+") + "/?"

    @property
    def example(self) -> str:
        """A path of this form, of words that no other has."""
        return VARIABLE.sub("0", self.template)


def path_regex(template: str, *, one: str, many: str) -> str:
    """The paths of a template, as a regular expression; `one` and `many` are those of segments that are variable."""
    literals, last = [], 0
    for found in VARIABLE.finditer(template):
        literals += [re.escape(template[last : found.start()]), many if found[1] == "**" else one]
        last = found.end()
    return "".join([*literals, re.escape(template[last:])])


def paths(services: Sequence[ServiceDescriptor]) -> list[Path]:
    """Every path of the contract, with the methods of all that share it."""
    found: dict[str, Path] = {}
    for service in services:
        for method in at_edge(service):
            for rule in bindings(method):
                verb, template = verb_and_template(rule)
                path = found.setdefault(VARIABLE.sub(lambda name: f"{{x={name[1] or ''}}}", template), Path(template))
                path.methods |= {"GET", "HEAD"} if verb == "get" else {verb.upper()}
    return merged(found.values())


def merged(known: Iterable[Path]) -> list[Path]:
    """The same; `/v1/x/next` is one of `/v1/x/{id}` too, and must not be refused as such."""
    paths = list(known)
    return [
        Path(path.template, set().union(*(other.methods for other in paths if re.fullmatch(path.regex, other.example))))
        for path in paths
    ]


def routes(known: Iterable[Path], pages: Sequence[str], extra: Mapping[str, Any]) -> Iterator[Route]:
    """A route for OPTIONS and one for what is refused, for each set of methods.

    Args:
        known: paths of the contract.
        pages: what the edge's own pages match, as regular expressions.
        extra: what each route has besides.
    """
    by_methods: dict[str, list[str]] = {_allow({"GET", "HEAD"}): list(pages)} if pages else {}
    for path in known:
        is_page = any(re.fullmatch(page, path.example) for page in pages)
        by_methods.setdefault(_allow(path.methods | ({"GET", "HEAD"} if is_page else set())), []).append(path.regex)
    # A page that is a path of the contract too takes more methods than other pages, and is asked for before them.
    for allow, alternatives in sorted(by_methods.items(), key=lambda each: (-len(each[0].split(", ")), each[0])):
        name = allow.lower().replace(", ", "-")
        path_matcher: Route = {"safe_regex": {"regex": "|".join(alternatives)}}
        allowed = [{"header": {"key": "allow", "value": allow}}]
        taken = "|".join(allow.split(", "))
        yield {
            "name": f"options-of-{name}",
            "match": path_matcher
            | {
                "headers": [
                    {"name": ":method", "string_match": {"exact": "OPTIONS"}},
                    {"name": PREFLIGHT, "present_match": True, "invert_match": True},
                ]
            },
            **extra,
            "response_headers_to_add": allowed,
            "direct_response": {"status": 204},
        }
        others = {"name": ":method", "string_match": {"safe_regex": {"regex": taken}}, "invert_match": True}
        yield {
            "name": f"not-{name}",
            "match": path_matcher | {"headers": [others]},
            **extra,
            "response_headers_to_add": allowed,
            "direct_response": {"status": 405},
        }


def _allow(methods: Iterable[str]) -> str:
    return ", ".join(each for each in ORDER if each in {*methods, "OPTIONS"})
