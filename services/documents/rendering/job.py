"""What the process of a run does: takes the template apart, fills it, checks it, and answers.

It runs with nothing but memory and time, both bounded; whatever it says is taken for a stranger's word.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from services.documents.formatting import checks, observation, policies
from services.documents.formatting.policies import Policy
from services.documents.opc import packages
from services.documents.opc.limits import PackageLimits
from services.documents.opc.models import Fault, TemplateRefusedError
from services.documents.opc.packages import Package
from services.documents.placeholders.filling import Filled, Values, fill, survey
from services.documents.rendering import sample
from services.documents.rendering.frames import packed, unpacked
from services.documents.rendering.models import MISSING_REQUIRED, OK, STRICT_FAILED, UNSUPPORTED
from services.documents.templating import contract
from services.documents.templating.rendering import parsed, render
from services.documents.templating.wanted import Wanted

Json = Any
LIMITS = PackageLimits()
MESSAGES = {
    OK: "ok",
    MISSING_REQUIRED: "Required fields are missing: the document has their placeholders.",
    UNSUPPORTED: "Placeholders cannot be replaced: the document is the template as it was.",
    STRICT_FAILED: "The format is not as it should be.",
}
MILLISECONDS = 1000
# What ends the first name of a path.
KEY = re.compile(r"[.\[]")


def run(request: bytes) -> bytes:
    """Answers `{"done": …}` with a document, or `{"refused": …}`."""
    try:
        asked, template = unpacked(request)
        return packed(*TASKS[asked["do"]](asked, template))
    except TemplateRefusedError as error:
        return packed({"refused": {name: getattr(error, name) for name in REFUSAL}}, b"")
    except (MemoryError, RecursionError):
        return packed({"refused": {"code": Fault.LIMITS, "message": LIMITS_REACHED}}, b"")


REFUSAL = ("code", "message", "part", "paragraph", "snippet")
LIMITS_REACHED = "The template needs more memory or is nested deeper than a run may have."


def warm() -> None:
    """Does all of it once, with a small document: a run reads nothing, so it can load nothing."""
    for asked in sample.requests():
        run(packed(asked, sample.DOCUMENT))


def _render(asked: Mapping[str, Any], template: bytes) -> tuple[Json, bytes]:
    begun = time.perf_counter()
    package = packages.read(template, LIMITS)
    before = observation.summary(package)
    read = time.perf_counter()
    filled, missing_required, missing_optional = FILLING[asked["engine"]](asked, package)
    written = time.perf_counter()
    report = _report(asked, package, before, filled)
    code = _exit_code(asked, filled, missing_required, report)
    document = template if filled.blocked else package.pack()
    packed_at = time.perf_counter()
    done = {
        "exit_code": code,
        "message": MESSAGES[code],
        "replace_log": _replace_log(asked, filled),
        "missing_fields": {"missing_required": missing_required, "missing_optional": missing_optional},
        "format_report": report,
        "format_report_text": checks.in_words(report) if asked["format"]["report"] in ("human", "both") else "",
        "suggested_policy": policies.dump(policies.suggested(before)) if asked["export_suggested_policy"] else None,
        "sources": [source.as_json() for source in filled.sources],
        "timings": {
            "read_ms": _between(begun, read),
            "fill_ms": _between(read, written),
            "check_ms": _between(written, packed_at),
        },
    }
    return {"done": done}, document


def _precheck(asked: Mapping[str, Any], template: bytes) -> tuple[Json, bytes]:
    found, missing_required, missing_optional = SURVEYING[asked["engine"]](asked, packages.read(template, LIMITS))
    found.blocked = bool(found.unsupported) and asked["unsupported_mode"] == "error"
    code = UNSUPPORTED if found.blocked else MISSING_REQUIRED if missing_required else OK
    done = {
        "expected_exit_code": code,
        "template_fields": found.field_names,
        "missing_required": missing_required,
        "missing_optional": missing_optional,
        "unsupported": [entry.as_json() for entry in found.unsupported],
    }
    return {"done": done}, b""


def _describe(asked: Mapping[str, Any], template: bytes) -> tuple[Json, bytes]:
    package = packages.read(template, LIMITS)
    if asked["engine"] == "jinja":
        root = contract.contract(parsed(package)).root
        return {"done": {"schema": contract.schema(root), "uses": contract.uses(root)}}, b""
    uses = contract.uses_of_fields(survey(package, _values(asked)).entries, asked["keys"])
    schema = contract.of_fields(asked["properties"], {use["path"] for use in uses}, asked["required"])
    return {"done": {"schema": schema, "uses": uses}}, b""


TASKS: Mapping[str, Callable[[Mapping[str, Any], bytes], tuple[Json, bytes]]] = {
    "render": _render,
    "precheck": _precheck,
    "describe": _describe,
}


Found = tuple[Filled, list[str], list[str]]


def _fill_placeholders(asked: Mapping[str, Any], package: Package) -> Found:
    """What became of them, and the required and the other values that are missing."""
    values = _values(asked)
    filled = fill(package, values, despite_unsupported=asked["unsupported_mode"] == "warn")
    return filled, *filled.missing(values)


def _survey_placeholders(asked: Mapping[str, Any], package: Package) -> Found:
    values = _values(asked)
    found = survey(package, values)
    return found, *found.missing(values)


def _fill_jinja(asked: Mapping[str, Any], package: Package) -> Found:
    parts = parsed(package)
    wanted = contract.contract(parts)
    required, optional = _lacking(asked, wanted.root)
    filled = render(package, parts, asked["payload"], wanted.asked)
    # What is missing where nothing is written: in conditions and loops.
    told = {contract.path_in_contract(entry.field_name): None for entry in filled.entries if entry.status == "missing"}
    lacking = {*required, *optional} - set(told)
    filled.entries += [entry for entry in contract.entries(wanted.root, lacking) if entry.status == "missing"]
    # What only rendering finds: an element beyond the end of an array.
    must = {each.path: each.required for each in wanted.root.all()}
    for path in told:
        if path not in required and path not in optional:
            (required if must.get(path, True) else optional).append(path)
    return filled, required, optional


def _survey_jinja(asked: Mapping[str, Any], package: Package) -> Found:
    root = contract.contract(parsed(package)).root
    required, optional = _lacking(asked, root)
    return Filled(list(contract.entries(root, {*required, *optional}))), required, optional


def _lacking(asked: Mapping[str, Any], root: Wanted) -> tuple[list[str], list[str]]:
    """The paths that the payload lacks: those that template or skill require, and the others."""
    required, optional = contract.missing(root, asked["payload"])
    by_skill = [path for path in optional if KEY.split(path, maxsplit=1)[0] in asked["required"]]
    return required + by_skill, [path for path in optional if path not in by_skill]


FILLING: Mapping[str, Callable[[Mapping[str, Any], Package], Found]] = {
    "placeholders": _fill_placeholders,
    "jinja": _fill_jinja,
}
SURVEYING: Mapping[str, Callable[[Mapping[str, Any], Package], Found]] = {
    "placeholders": _survey_placeholders,
    "jinja": _survey_jinja,
}


def _values(asked: Mapping[str, Any]) -> Values:
    return Values(asked["texts"], asked["keys"], frozenset(asked["required"]))


def _report(asked: Mapping[str, Any], package: Package, before: Mapping[str, Any], filled: Filled) -> dict[str, Any]:
    options = asked["format"]
    if options["mode"] == "off" or filled.blocked:
        return checks.skipped(options["mode"], options["baseline"])
    policy = Policy.model_validate(asked["policy"]) if asked["policy"] else policies.DEFAULT
    rendered = checks.Rendered(package, before, filled.touched)
    wanted = checks.expected(policy, rendered, options["baseline"])
    issues = checks.check(rendered, wanted, fix=options["fix_mode"] == "safe")
    return checks.report(rendered, wanted, issues, options["mode"], options["baseline"])


def _exit_code(asked: Mapping[str, Any], filled: Filled, missing_required: list[str], report: Mapping[str, Any]) -> int:
    if filled.blocked:
        return UNSUPPORTED
    if asked["format"]["mode"] == "strict" and not report["passed"]:
        return STRICT_FAILED
    return MISSING_REQUIRED if missing_required else OK


def _replace_log(asked: Mapping[str, Any], filled: Filled) -> dict[str, Any]:
    statuses = [entry.status for entry in filled.entries]
    return {
        "entries": [entry.as_json() for entry in filled.entries],
        "summary": {
            "total_placeholders": len(statuses),
            "replaced_count": statuses.count("replaced"),
            "missing_count": statuses.count("missing"),
            "had_unsupported": "unsupported" in statuses,
            "unsupported_count": statuses.count("unsupported"),
            "unsupported_mode": asked["unsupported_mode"],
        },
        "touched_runs": list(filled.touched),
        "template_run_styles": dict(filled.touched),
    }


def _between(begun: float, ended: float) -> int:
    return round((ended - begun) * MILLISECONDS)
