"""Policies: what a house wants of its documents, as YAML that is read strictly, and written to be read again."""

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_BYTES = 16 * 1024


class Policy(BaseModel):
    """What documents must be like. A text of one names all of it but `numpr_direct_only`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    forbid_tables: bool
    forbid_numpr: bool
    # Numbering that a style brings is let pass.
    numpr_direct_only: bool = True
    run_font_latin: str = Field(max_length=100)
    run_font_east_asia: str = Field(max_length=100)
    run_size_pt: float = Field(gt=0, le=1638)
    line_spacing_twips: int = Field(ge=0, le=31_680)
    first_line_indent_twips: int = Field(ge=-31_680, le=31_680)
    twips_tolerance: int = Field(ge=0, le=31_680)
    # What a paragraph or a run does not say itself, but inherits, is judged as if it said it.
    treat_inherited_as_error: bool
    # Leading characters of `trim_chars` are reported.
    trim_leading_spaces: bool
    trim_chars: str = Field(max_length=32)


DEFAULT = Policy(
    forbid_tables=True,
    forbid_numpr=True,
    run_font_latin="Calibri",
    run_font_east_asia="宋体",
    run_size_pt=12,
    line_spacing_twips=360,
    first_line_indent_twips=420,
    twips_tolerance=20,
    treat_inherited_as_error=False,
    trim_leading_spaces=True,
    trim_chars=" \t\u3000",
)


class PolicyError(ValueError):
    """A text that is no policy; says why, in words for whoever wrote it."""


class _Loader(yaml.SafeLoader):
    """Plain YAML: no aliases, by which few bytes become many, and no key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise PolicyError("the policy has an alias, which no policy needs")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if len(set(map(str, keys))) != len(keys):
            raise PolicyError("the policy says a key twice")
        return super().construct_mapping(node, deep)


def parse(text: str) -> Policy:
    """The policy that a text says.

    Raises:
        PolicyError: it says none.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise PolicyError(f"the policy is longer than {MAX_BYTES} bytes")
    try:
        said = yaml.load(text, _Loader)  # noqa: S506 — a SafeLoader
    except yaml.YAMLError as error:
        raise PolicyError(f"the policy is no YAML: {str(error).splitlines()[0]}") from error
    except (RecursionError, ValueError) as error:
        raise error if isinstance(error, PolicyError) else PolicyError("the policy is no YAML of a policy") from error
    if not isinstance(said, dict):
        raise PolicyError("the policy is no list of keys and values")
    try:
        return Policy.model_validate(said)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:10]]
        raise PolicyError("; ".join(problems)) from error


def suggested(observed: Mapping[str, Any]) -> Policy:
    """A policy that a template like this one keeps; what it does not say is as in ours."""
    usual = ("run_font_latin", "run_font_east_asia", "run_size_pt", "line_spacing_twips", "first_line_indent_twips")
    said = {name: observed[name] for name in usual if observed[name] is not None}
    allowed = {"forbid_tables": not observed["tables"], "forbid_numpr": not observed["numbered_paragraphs"]}
    return DEFAULT.model_copy(update=said | allowed)


def dump(policy: Policy) -> str:
    """A text that `parse` takes."""
    return yaml.safe_dump(policy.model_dump(), allow_unicode=True, sort_keys=False)
