"""The library of templates: what is stored under which name, who sees it, and how a run that names one gets it."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

from servicekit import pagination
from servicekit.errors import permission_denied
from servicekit.identity.visibility import Viewer
from servicekit.large import beside
from servicekit.postgres import Database
from services.documents import errors
from services.documents.forms.multipart import File, Form
from services.documents.forms.tasks import template_from
from services.documents.opc.central_directory import check_package
from services.documents.opc.models import TemplateRefusedError
from services.documents.rendering.renderer import PACKAGE_LIMITS
from services.documents.runs import archive
from services.documents.templates import store
from services.documents.templates.models import NewTemplate, Template, TemplateBounds, TemplateFilter

STORED = "stored_template"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ROLE = re.compile(r"[A-Za-z0-9_.:@-]{1,64}")
REFERENCE = re.compile(rf"({NAME.pattern})(?:@([1-9][0-9]{{0,8}}))?")
MAX_ROLES = 16
SHARES = "documents.admin"


class Library:
    """Stores templates, and finds them again."""

    def __init__(self, database: Database, bounds: TemplateBounds) -> None:
        self._database = database
        self._bounds = bounds

    async def upload(self, form: Form, viewer: Viewer) -> Template:
        """Stores what a form of `template`, `name` and `shared_with` has.

        Raises:
            ServiceError: as of `store`; INVALID_ARGUMENT.
        """
        for name in form.files.keys() - {"template"}:
            raise errors.invalid_field(name, "is no file of this form")
        for name in form.fields.keys() - {"name", "shared_with"}:
            raise errors.invalid_field(name, "is no field of this form, or must be sent as a file")
        shared_with = [each.strip() for each in form.fields.get("shared_with", "").split(",") if each.strip()]
        return await self.store(form.fields.get("name", ""), form.files.get("template"), shared_with, viewer)

    async def store(self, name: str, file: File | None, shared_with: Sequence[str], viewer: Viewer) -> Template:
        """Stores a version, unless these bytes have this name already.

        Raises:
            ServiceError: INVALID_ARGUMENT, INVALID_MEDIA_TYPE, TEMPLATE_REFUSED, PERMISSION_DENIED, TEMPLATES_LIMITED.
        """
        if not NAME.fullmatch(name) or _uuid_of(name) is not None:
            raise errors.invalid_field("name", "must be 1 to 64 letters, digits, '.', '_' and '-', and no UUID")
        roles = sorted(set(shared_with))
        if len(roles) > MAX_ROLES or not all(map(ROLE.fullmatch, roles)):
            raise errors.invalid_field("shared_with", f"must be {MAX_ROLES} roles at most")
        if not viewer.principal.roles.issuperset(roles) and not viewer.principal.may(SHARES):
            raise permission_denied(SHARES)
        content = template_from(file)
        try:
            check_package(content, PACKAGE_LIMITS)
        except TemplateRefusedError as error:
            where = {"part": error.part, "paragraph": error.paragraph, "snippet": error.snippet}
            raise errors.template_refused("template", error.code, error.message, where) from None
        sha256 = await beside(len(content), _sha256, content)
        new = NewTemplate(name, sha256, content, roles, viewer.name)
        async with self._database.transaction() as connection:
            await store.lock_owner(connection, viewer.name)
            if there := await store.share(connection, new):
                return there
            number, size = await store.owned(connection, viewer.name)
            if number >= self._bounds.max_templates or size + len(content) > self._bounds.max_bytes:
                raise errors.templates_limited(self._bounds.max_templates, self._bounds.max_bytes)
            return await store.insert(connection, new, archive.pieces(content))

    async def get(self, reference: str, viewer: Viewer) -> Template:
        """The version of this id, of `name@version`, or the newest of `name`: one's own before those of others.

        Raises:
            ServiceError: TEMPLATE_NOT_FOUND, TEMPLATE_AMBIGUOUS.
        """
        template_id = _uuid_of(reference)
        parts = REFERENCE.fullmatch(reference)
        async with self._database.connection() as connection:
            if template_id is not None:
                found = await store.get(connection, template_id)
                seen = [found] if found is not None and viewer.sees(found.audience) else []
            elif parts is not None:
                seen = await store.named(connection, parts[1], int(parts[2]) if parts[2] else None, viewer)
            else:
                seen = []
        own = [each for each in seen if each.created_by == viewer.name]
        match own or seen:
            case [one]:
                return one
            case []:
                raise errors.template_not_found(reference)
            case _:
                raise errors.template_ambiguous(reference)

    async def page(
        self, wanted: TemplateFilter, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[Template], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size,
            page_token,
            (wanted.name, wanted.sha256),
            lambda at, each: (pagination.time(at), UUID(each)),
            width=2,
        )
        async with self._database.connection() as connection:
            found = await store.list_before(connection, wanted, viewer, asked.after, asked.limit)
        return asked.page(found, lambda each: (each.created_at.isoformat(), each.id))

    async def content(self, template: Template) -> AsyncIterator[bytes]:
        """Its bytes, piece by piece, each read when the one before was taken.

        Raises:
            ServiceError: TEMPLATE_NOT_FOUND, where it was deleted meanwhile.
        """
        number, size = 0, 0
        while size < template.size_bytes:
            async with self._database.connection() as connection:
                piece = await store.piece(connection, UUID(template.id), number)
            if piece is None:
                raise errors.template_not_found(template.id)
            yield piece
            number, size = number + 1, size + len(piece)

    async def delete(self, reference: str, viewer: Viewer) -> None:
        """Deletes a version of one's own.

        Raises:
            ServiceError: TEMPLATE_NOT_FOUND, TEMPLATE_AMBIGUOUS, PERMISSION_DENIED.
        """
        template = await self.get(reference, viewer)
        viewer.require_own(template.created_by)
        async with self._database.transaction() as connection:
            await store.delete(connection, UUID(template.id))

    async def filled_in(self, form: Form, viewer: Viewer, hold: Callable[[int], None]) -> Form:
        """A form with the template in it that it names, if it names one.

        Args:
            form: as it was sent.
            viewer: who has sent it.
            hold: hears how many bytes it takes, and may refuse.

        Raises:
            ServiceError: INVALID_ARGUMENT, INVALID_ARGUMENT_CONFLICT, TEMPLATE_NOT_FOUND, TEMPLATE_AMBIGUOUS.
        """
        if STORED not in form.fields:
            return form
        fields = {name: value for name, value in form.fields.items() if name != STORED}
        if not (reference := form.fields[STORED]):
            return Form(form.files, fields)
        if "template" in form.files:
            raise errors.conflict(["template", STORED])
        return Form({**form.files, "template": await self.file(reference, viewer, hold)}, fields)

    async def file(self, reference: str, viewer: Viewer, hold: Callable[[int], None]) -> File:
        """The version that a reference names, whole; raises as `get`."""
        template = await self.get(reference, viewer)
        hold(template.size_bytes)
        whole = b"".join([piece async for piece in self.content(template)])
        return File(f"{template.name}.docx", whole)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
