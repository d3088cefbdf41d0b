"""Which skills there are: those of every package that offers some in the entry point group `qmcp.skills`."""

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points

from services.documents.skills import builtin
from services.documents.skills.models import Skill

GROUP = "qmcp.skills"


def load() -> Mapping[str, Skill]:
    """Every skill of every installed package, by name; the built-in ones first.

    Raises:
        ValueError: when two of them have the same name.
    """
    skills = {skill.name: skill for skill in offered(builtin)}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        for skill in offered(entry.load()):
            if skills.setdefault(skill.name, skill) is not skill:
                raise ValueError(f"Two plug-ins offer a skill named {skill.name!r}; the second is {entry.value}")
    return skills


def offered(module: object) -> Iterable[Skill]:
    """The skills in a module, in the order they stand in."""
    return (each for each in vars(module).values() if isinstance(each, Skill))
