"""What a run does wherever it is asked for: its form is checked, a process fills the template, the files are packed."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import ceil
from time import perf_counter
from typing import Any

import structlog

from servicekit.errors import ServiceError, internal
from servicekit.large import beside
from servicekit.leased_work import MAX_BEGINNING_SECONDS
from services.documents import errors
from services.documents.formatting.policies import PolicyError
from services.documents.formatting.policies import parse as parse_policy
from services.documents.forms.multipart import File, Form
from services.documents.forms.options import Options, options_from
from services.documents.forms.tasks import Task, task_from, template_from
from services.documents.models import Answered, Caller, Digests, Timing
from services.documents.opc.central_directory import check_package
from services.documents.opc.models import TemplateRefusedError
from services.documents.rendering.models import (
    Contract,
    Precheck,
    RenderFailedError,
    RenderRequest,
    RenderResult,
    RenderTimeoutError,
)
from services.documents.rendering.renderer import PACKAGE_LIMITS, Renderer
from services.documents.runs import archive, wanted_values
from services.documents.runs.archive import Archive, Build
from services.documents.runs.journal import Journal
from services.documents.runs.slots import Slots
from services.documents.skills.models import PayloadError, Skill

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """What runs come under: what each may cost, how long what comes of it is kept, and by what it is made."""

    build: Build
    max_upload_bytes: int
    timeout_seconds: float
    queue_timeout_seconds: float
    keep_hours: float
    max_archive_bytes: int
    debug_artifacts: bool

    @property
    def max_run_seconds(self) -> int:
        """How long a run may take whose caller waits for it."""
        return ceil(self.queue_timeout_seconds + self.timeout_seconds) + MAX_BEGINNING_SECONDS

    def kept(self, pieces: Sequence[bytes]) -> int:
        """How many bytes of an archive are kept: all or nothing."""
        size = sum(map(len, pieces))
        return size if self.keep_hours and size <= self.max_archive_bytes else 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A form that was checked."""

    options: Options
    task: Task
    request: RenderRequest
    digests: Digests
    # Values that people have given, by their keys.
    answers: Mapping[str, Answered] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckedTasks:
    """Tasks that were checked together: how to run all of them, and the digests of each."""

    options: Options
    digests: Sequence[Digests]


@dataclass(frozen=True, slots=True)
class Produced:
    """What came of a run."""

    result: RenderResult
    # The archive.
    pieces: Sequence[bytes]
    timing: Timing


@dataclass(eq=False)
class ProductionError(Exception):
    """A run that came to nothing, and how long that took."""

    error: ServiceError
    timing: Timing


class Producer:
    """Checks and fills, a slot each."""

    def __init__(self, renderer: Renderer, skills: Mapping[str, Skill], slots: Slots, terms: Terms) -> None:
        self._renderer = renderer
        self._skills = skills
        self._slots = slots
        self.terms = terms

    async def check_all(self, form: Form, tasks: Sequence[bytes]) -> CheckedTasks:
        """What is asked for by forms that have all but their tasks in common.

        Raises:
            ServiceError: INVALID_ARGUMENT and its like, naming the task.
        """
        options = options_from(form.fields)
        template = template_from(form.files.get("template"))
        self._check_package(template, options)
        return await beside(sum(map(len, tasks)) + len(template), self._checked, template, options, tasks)

    def _checked(self, template: bytes, options: Options, tasks: Sequence[bytes]) -> CheckedTasks:
        of_template = hashlib.sha256(template).hexdigest()
        for number, task in enumerate(tasks):
            self._payload(options.skill, task_from(File("task.json", task)), f"payloads[{number}]")
        return CheckedTasks(options, [_digests(of_template, task, options) for task in tasks])

    def _check_package(self, template: bytes, options: Options) -> None:
        """What can be told of template and policy without a process."""
        with _refusing(self.terms.timeout_seconds):
            check_package(template, PACKAGE_LIMITS)
            if options.policy_yaml:
                parse_policy(options.policy_yaml)

    async def check(self, form: Form, journal: Journal) -> Asked:
        """What is asked for; before it costs anybody a slot.

        Raises:
            ServiceError: INVALID_ARGUMENT and its like.
        """
        journal.stage = "validate_inputs"
        for name in form.files:
            if name not in {"template", "task"}:
                raise errors.invalid_field(name, "is no file of this form")
        for name in ("template", "task"):
            if name in form.fields:
                raise errors.invalid_field(name, "must be sent as a file")
        options = options_from(form.fields)
        template = template_from(form.files.get("template"))
        journal.stage = "validate_task"
        sent = form.files.get("task")
        task = await beside(len(sent.content) if sent else 0, task_from, sent)
        journal.stage = "validate_skill"
        payload = await beside(len(sent.content) if sent else 0, self._payload, options.skill, task)
        self._check_package(template, options)
        journal.knows(options, task.task_type)
        journal.started()
        request = RenderRequest(
            template,
            options.skill,
            payload,
            options.format,
            policy_yaml=options.policy_yaml,
            export_suggested_policy=options.export_suggested_policy,
        )
        assert sent is not None, "a task was read of it"
        of_template = await beside(len(template), _sha256, template)
        return Asked(options, task, request, _digests(of_template, sent.content, options))

    def _payload(self, name: str, task: Task, field: str = "payload") -> dict[str, Any]:
        """The values that came as this field, as the skill takes them."""
        skill = self._skills.get(name)
        if skill is None:
            raise _no_skill(self._skills)
        if name != task.task_type:
            raise errors.invalid_field("skill", "must be the task_type of the task")
        try:
            return skill.check(task.payload)
        except PayloadError as error:
            named = [(field + path.removeprefix("payload"), fault) for path, fault in error.problems]
            raise errors.invalid_payload(named) from None

    async def produce(self, asked: Asked, caller: Caller, journal: Journal, *, patient: bool = False) -> Produced:
        """Renders and packs.

        Args:
            asked: what.
            caller: for whom.
            journal: hears how far it is.
            patient: whether it waits for a slot as long as that takes.

        Raises:
            ServiceError: TOO_MANY_REQUESTS.
            ProductionError: with REQUEST_TIMEOUT, TEMPLATE_REFUSED or INTERNAL.
        """
        begun_at = perf_counter()
        async with self._slots.taken(patient=patient) as queue_wait_ms:
            journal.stage = "run_subprocess"
            started_at = perf_counter()
            try:
                result = await self._rendered(asked.request)
            except ServiceError as error:
                timing = Timing(queue_wait_ms, since(started_at), 0, since(begun_at))
                raise ProductionError(error, timing) from None
            subprocess_ms = since(started_at)
            journal.stage = "package_zip"
            packed_at = perf_counter()
            made = Archive()
            entries = archive.contents(result, asked.digests, self.terms.build.fingerprint, asked.answers)
            await beside(sum(map(len, entries.values())), made.add, entries)
        timing = Timing(queue_wait_ms, subprocess_ms, since(packed_at), since(begun_at))
        made.add(self._told_of(result, asked, caller, timing))
        journal.stage = "respond"
        return Produced(result, archive.pieces(made.finish()), timing)

    def answered(self, asked: Asked, answers: Mapping[str, Answered]) -> Asked:
        """It with the values that people have given; what the task says itself goes before them.

        Raises:
            ServiceError: INVALID_ARGUMENT.
        """
        try:
            checked = self._skills[asked.options.skill].check(wanted_values.put(asked.request.payload, answers))
        except PayloadError as error:
            raise errors.invalid_payload(error.problems) from None
        return replace(asked, request=replace(asked.request, payload=checked), answers=answers)

    async def askable(self, asked: Asked, lacking: Sequence[str], journal: Journal) -> Mapping[str, Any]:
        """The schemas of those of these values that people can give, by their paths.

        Raises:
            ServiceError: as of a run.
        """
        skill = self._skills[asked.options.skill]
        if not lacking or skill.engine == "placeholders":
            return wanted_values.of_skill(skill, lacking)
        async with self._slots.taken(patient=True):
            journal.stage = "run_subprocess"
            with _refusing(self.terms.timeout_seconds):
                wanted = asked.request
                found = await self._renderer.describe(wanted.template, wanted.skill, self.terms.timeout_seconds)
        return wanted_values.of_contract(found, wanted.payload, lacking)

    async def precheck(self, asked: Asked, journal: Journal, *, patient: bool = False) -> Precheck:
        """What producing it would find; patient: as `produce`.

        Raises:
            ServiceError: as of a run.
        """
        async with self._slots.taken(patient=patient):
            journal.stage = "run_subprocess"
            with _refusing(self.terms.timeout_seconds):
                return await self._renderer.precheck(asked.request, self.terms.timeout_seconds)

    async def describe(self, template: bytes, skill: str, field: str) -> Contract:
        """What a template asks for that came as this field.

        Raises:
            ServiceError: as of a run.
        """
        if skill not in self._skills:
            raise _no_skill(self._skills)
        with _refusing(self.terms.timeout_seconds, field):
            check_package(template, PACKAGE_LIMITS)
        async with self._slots.taken():
            with _refusing(self.terms.timeout_seconds, field):
                return await self._renderer.describe(template, skill, self.terms.timeout_seconds)

    async def _rendered(self, request: RenderRequest) -> RenderResult:
        with _refusing(self.terms.timeout_seconds):
            return await self._renderer.render(request, self.terms.timeout_seconds)

    def _told_of(self, result: RenderResult, asked: Asked, caller: Caller, timing: Timing) -> dict[str, bytes]:
        """The entries that say how this run went."""
        told = archive.api_result(
            result, asked.options, caller, timing, self.terms.build, task_type=asked.task.task_type
        )
        entries = {archive.API_RESULT: archive.as_json(told)}
        if self.terms.debug_artifacts:
            trace = {
                "subprocess": {"pid": result.pid, "start_method": result.start_method},
                "timings": dict(result.timings),
            }
            entries[archive.TRACE] = archive.as_json(trace)
        return entries


def _no_skill(skills: Mapping[str, Skill]) -> ServiceError:
    return errors.invalid_field("skill", f"must be one of {', '.join(skills)}", allowed=list(skills))


@contextmanager
def _refusing(timeout_seconds: float, field: str = "template") -> Iterator[None]:
    """What goes wrong in a process, as callers are told."""
    try:
        yield
    except TemplateRefusedError as error:
        where = {"part": error.part, "paragraph": error.paragraph, "snippet": error.snippet}
        raise errors.template_refused(field, error.code, error.message, where) from None
    except PolicyError as error:
        raise errors.invalid_field("policy_yaml", f"is no policy: {error}") from None
    except RenderTimeoutError:
        raise errors.request_timeout(timeout_seconds) from None
    except RenderFailedError:
        logger.exception("run_failed")
        raise internal() from None


def _digests(of_template: str, task: bytes, options: Options) -> Digests:
    of_task, of_policy = _sha256(task), _sha256(options.policy_yaml.encode())
    asked: list[object] = [of_template, of_task, of_policy, options.skill, archive.effective(options), options.preset]
    asked.append(options.export_suggested_policy)
    if options.lease:
        # Of what is done for no task, digests are on record that are without.
        asked += [options.lease.resource_id, options.lease.fencing_token]
    whole = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    return Digests(of_template, of_task, of_policy, whole)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest() if content else ""


def since(moment: float) -> int:
    """Milliseconds."""
    return round((perf_counter() - moment) * 1000)
