"""The services that the suite runs against: each brings its row of the suite in tests/<service>/subject.py."""

from importlib import import_module

from devstack.services import found
from tests.contract.subject import Subject

SUBJECTS: tuple[Subject, ...] = tuple(import_module(f"tests.{service.name}.subject").SUBJECT for service in found())
