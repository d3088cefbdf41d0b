"""Holds a document against a policy or against its template, mends what is safe to mend, and reports."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from lxml import etree

from services.documents.formatting.observation import (
    INDENT,
    PROPERTIES,
    SPACING,
    Observed,
    Styles,
    body,
    difference,
    first_line_indent,
    is_numbered,
    is_running_text,
    line_spacing,
    summary,
)
from services.documents.formatting.policies import Policy
from services.documents.opc.packages import Package, W
from services.documents.placeholders.paragraphs import Paragraph, paragraphs
from services.documents.placeholders.runs import run_style

# What stands after these in a paragraph's properties; the schema has an order.
AFTER_SPACING = ("ind", "contextualSpacing", "mirrorIndents", "suppressOverlap", "jc", "textDirection", "textAlignment")
AFTER_INDENT = AFTER_SPACING[1:]
AFTER_BOTH = ("textboxTightWrap", "outlineLvl", "divId", "cnfStyle", "rPr", "sectPr", "pPrChange")


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is not as it should be."""

    code: str
    message: str
    paragraph_path: str = ""
    run_id: str = ""
    expected: Any = None
    actual: Any = None
    tolerance: int | None = None
    severity: Literal["error", "warn"] = "error"
    # observed: the paragraph or run says it itself. unknown: it inherits it, and readers differ in what that means.
    observability: Literal["observed", "unknown"] = "observed"
    fixable: bool = False
    fixed: bool = False

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a document is held against: None is not checked."""

    policy: Policy
    first_line_indent_twips: int | None
    line_spacing_twips: int | None
    # By the ids of the runs that values were put in.
    styles: Mapping[str, Mapping[str, Any]]
    overrides: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document in the making: what its template was like, and the runs that were given values, with their styles."""

    package: Package
    template: Mapping[str, Any]
    touched: Mapping[str, Mapping[str, Any]]


def expected(policy: Policy, rendered: Rendered, baseline: str) -> Expected:
    """By the policy; or by what is usual in the template, which may have tables and numbers."""
    if baseline == "policy":
        style = {
            "font_latin": policy.run_font_latin,
            "font_east_asia": policy.run_font_east_asia,
            "size_pt": policy.run_size_pt,
        }
        styles = dict.fromkeys(rendered.touched, style)
        return Expected(policy, policy.first_line_indent_twips, policy.line_spacing_twips, styles, {})
    indent, spacing = rendered.template["first_line_indent_twips"], rendered.template["line_spacing_twips"]
    overrides = {
        "forbid_tables": False,
        "forbid_numpr": policy.forbid_numpr and not rendered.template["numbered_paragraphs"],
        "first_line_indent_twips": indent,
        "line_spacing_twips": spacing,
    }
    allowed = {name: overrides[name] for name in ("forbid_tables", "forbid_numpr")}
    return Expected(policy.model_copy(update=allowed), indent, spacing, rendered.touched, overrides)


def check(rendered: Rendered, wanted: Expected, *, fix: bool) -> list[Issue]:
    """All that is not as wanted; with `fix` what is safe to mend is mended."""
    found = list(_issues(rendered, wanted, fix=fix))
    if any(issue.fixed for issue in found):
        rendered.package.changed(rendered.package.main)
    return found


def report(rendered: Rendered, wanted: Expected, issues: list[Issue], mode: str, baseline: str) -> dict[str, Any]:
    """As out.format_report.json has it."""
    errors = [issue for issue in issues if issue.severity == "error" and not issue.fixed]
    fixed = [issue for issue in issues if issue.fixed]
    after = summary(rendered.package)
    return {
        "passed": not errors,
        "error_count": len(errors),
        "fixed_count": len(fixed),
        "issues": [issue.as_json() for issue in issues],
        "summary": {
            "template_observed": dict(rendered.template),
            "rendered_observed": after,
            "diff": difference(rendered.template, after),
            "mode": mode,
            "baseline": baseline,
            "effective_policy_overrides": dict(wanted.overrides),
            "diagnostics": {"warnings": sum(issue.severity == "warn" for issue in issues)},
            "fix_applied": bool(fixed),
            "fix_changes": [
                {"paragraph_path": i.paragraph_path, "code": i.code, "from": i.actual, "to": i.expected} for i in fixed
            ],
            "skipped": False,
        },
    }


def skipped(mode: str, baseline: str) -> dict[str, Any]:
    """The report of a document that was not checked."""
    nothing: dict[str, Any] = {"template_observed": {}, "rendered_observed": {}, "diff": {}}
    more = {
        "effective_policy_overrides": {},
        "diagnostics": {},
        "fix_applied": False,
        "fix_changes": [],
        "skipped": True,
    }
    about = {**nothing, "mode": mode, "baseline": baseline, **more}
    return {"passed": True, "error_count": 0, "fixed_count": 0, "issues": [], "summary": about}


def in_words(report: Mapping[str, Any]) -> str:
    """The report for people, a line for each issue."""
    head = "passed" if report["passed"] else "failed"
    lines = [f"Format check {head}: {report['error_count']} errors, {report['fixed_count']} fixed."]
    for issue in report["issues"]:
        where = issue["run_id"] or issue["paragraph_path"] or "document"
        lines.append(
            f"{'fixed' if issue['fixed'] else issue['severity']}: {issue['code']} at {where}: {issue['message']}"
        )
    return "\n".join(lines) + "\n"


def _issues(rendered: Rendered, wanted: Expected, *, fix: bool) -> Iterator[Issue]:
    package, policy, styles = rendered.package, wanted.policy, Styles(rendered.package)
    every = list(paragraphs(package.tree(package.main), "body"))
    tables = len(list(package.tree(package.main).iter(f"{{{W}}}tbl")))
    if policy.forbid_tables and tables:
        yield Issue("TABLE_FORBIDDEN", "The document has tables, and the policy wants none.", expected=0, actual=tables)
    for paragraph in every:
        if policy.forbid_numpr and is_numbered(paragraph, styles, direct_only=policy.numpr_direct_only):
            yield Issue("NUMPR_PRESENT", "The paragraph is numbered, and the policy wants none.", paragraph.path)
    yield from _of_body(rendered, styles, wanted, fix=fix)
    runs = {each.run_id(n): (each, run) for each in every for n, run in enumerate(each.runs)}
    for run_id, style in wanted.styles.items():
        if run_id in runs:
            yield from _of_run(*runs[run_id], run_id, style, policy)


def _of_body(rendered: Rendered, styles: Styles, wanted: Expected, *, fix: bool) -> Iterator[Issue]:
    policy = wanted.policy
    touched = {run_id.rpartition("/")[0] for run_id in rendered.touched}
    for paragraph in body(rendered.package):
        if not is_running_text(paragraph, styles):
            continue
        if policy.trim_leading_spaces and (leading := _leading(paragraph.text, policy.trim_chars)):
            text = "The paragraph begins with spaces; indent it instead."
            yield Issue("LEADING_WHITESPACE", text, paragraph.path, expected="", actual=leading)
        for issue in _of_paragraph(paragraph, styles, wanted):
            fixable = paragraph.path in touched
            if fix and fixable and issue.severity == "error":
                _mend(paragraph.element, issue)
                yield replace(issue, fixable=True, fixed=True)
            else:
                yield replace(issue, fixable=fixable)


def _of_paragraph(paragraph: Paragraph, styles: Styles, wanted: Expected) -> Iterator[Issue]:
    checks = (
        ("FIRST_LINE_INDENT_MISMATCH", "first-line indent", wanted.first_line_indent_twips, first_line_indent),
        ("LINE_SPACING_MISMATCH", "line spacing", wanted.line_spacing_twips, line_spacing),
    )
    tolerance = wanted.policy.twips_tolerance
    for code, what, value, observe in checks:
        seen: Observed = observe(paragraph, styles)
        if value is None or (seen.value is not None and abs(seen.value - value) <= tolerance):
            continue
        yield Issue(
            code,
            f"The {what} is {'not set' if seen.value is None else f'{seen.value} twips'} and should be {value}.",
            paragraph.path,
            expected=value,
            actual=seen.value,
            tolerance=tolerance,
            severity=_severity(wanted.policy, direct=seen.direct),
            observability="observed" if seen.direct else "unknown",
        )


def _of_run(
    paragraph: Paragraph, run: etree._Element, run_id: str, style: Mapping[str, Any], policy: Policy
) -> Iterator[Issue]:
    seen = run_style(run)
    for name, code in (
        ("font_latin", "RUN_FONT_MISMATCH"),
        ("font_east_asia", "RUN_FONT_MISMATCH"),
        ("size_pt", "RUN_SIZE_MISMATCH"),
    ):
        if seen[name] == style[name]:
            continue
        direct = seen[name] is not None
        yield Issue(
            code,
            f"The run's {name} is {seen[name] if direct else 'not set'} and should be {style[name]}.",
            paragraph.path,
            run_id,
            expected=style[name],
            actual=seen[name],
            severity=_severity(policy, direct=direct),
            observability="observed" if direct else "unknown",
        )


def _severity(policy: Policy, *, direct: bool) -> Literal["error", "warn"]:
    return "error" if direct or policy.treat_inherited_as_error else "warn"


def _leading(text: str, characters: str) -> str:
    return text[: len(text) - len(text.lstrip(characters))] if characters else ""


def _mend(paragraph: etree._Element, issue: Issue) -> None:
    properties = paragraph.find(PROPERTIES)
    if properties is None:
        properties = etree.Element(PROPERTIES)
        paragraph.insert(0, properties)
    if issue.code == "FIRST_LINE_INDENT_MISMATCH":
        indent = _child(properties, INDENT, AFTER_INDENT + AFTER_BOTH)
        for name in ("hanging", "firstLineChars", "hangingChars", "firstLine"):
            indent.attrib.pop(f"{{{W}}}{name}", "")
        indent.set(f"{{{W}}}{'firstLine' if issue.expected >= 0 else 'hanging'}", str(abs(issue.expected)))
    else:
        spacing = _child(properties, SPACING, AFTER_SPACING + AFTER_BOTH)
        spacing.set(f"{{{W}}}line", str(issue.expected))
        if f"{{{W}}}lineRule" not in spacing.attrib:
            spacing.set(f"{{{W}}}lineRule", "auto")


def _child(properties: etree._Element, tag: str, after: tuple[str, ...]) -> etree._Element:
    found = properties.find(tag)
    if found is not None:
        return found
    made = etree.Element(tag)
    following = {f"{{{W}}}{name}" for name in after}
    at = next((index for index, each in enumerate(properties) if each.tag in following), len(properties))
    properties.insert(at, made)
    return made
