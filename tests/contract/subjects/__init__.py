"""The services that the suite runs against, one row each."""

from tests.contract.subjects.access import ACCESS
from tests.contract.subjects.hitl import HITL
from tests.contract.subjects.subject import Effect, Listing, Slow, Subject
from tests.contract.subjects.tools import TOOLS

__all__ = ["SUBJECTS", "Effect", "Listing", "Slow", "Subject"]

SUBJECTS = (TOOLS, ACCESS, HITL)
