"""Banks that are kept: saved, read, learned from interviews, accepted, deleted."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from servicekit import pagination
from servicekit.idempotency import Answer, Once
from servicekit.identity.visibility import Viewer
from servicekit.large import about, beside
from servicekit.postgres import Connection, Database
from services.questioning import errors
from services.questioning.engines.learning import learned
from services.questioning.engines.models import BankVersion
from services.questioning.interviews.goals import LOOKS, bank_of
from services.questioning.interviews.sessions import uuid_of
from services.questioning.interviews.store import banks as store
from services.questioning.models import ConversationSpec, Goal

DEFAULT_WEIGHT = 20


class KeptBanks:
    """Reads and changes banks that are kept. A name is its owner's: two owners' banks of one name are two banks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, document: Mapping[str, Any], viewer: Viewer, once: Once[BankVersion, Answer]) -> Answer:
        """Keeps a bank as the next version of its name.

        Raises:
            ServiceError: BANK_INVALID.
        """
        await _bank(document)

        async def create(connection: Connection) -> BankVersion:
            return await store.insert(connection, viewer.name, document, None, 0)

        return await once.run(self._database, create)

    async def get(self, bank_id: str, viewer: Viewer) -> BankVersion:
        async with self._database.connection() as connection:
            return await _visible(connection, bank_id, viewer)

    async def page(
        self, name: str, status: str, viewer: Viewer, page_size: int, page_token: str
    ) -> tuple[list[BankVersion], str]:
        """A page, newest first, and the token of the next."""
        asked = pagination.page_request(
            page_size, page_token, (name, status), lambda at, each: (pagination.time(at), UUID(each)), width=2
        )
        async with self._database.connection() as connection:
            found = await store.list_before(connection, name, status, viewer, asked.after, asked.limit)
        return asked.page(found, lambda bank: (bank.created_at.isoformat(), bank.id))

    async def learn(self, bank_id: str, weight: int, viewer: Viewer, once: Once[BankVersion, Answer]) -> Answer:
        """Proposes what the interviews with a version teach, as the next one.

        Raises:
            ServiceError: BANK_NOT_FOUND, PERMISSION_DENIED, NOTHING_LEARNED, BANK_INVALID where it grew too large.
        """

        async def learn(connection: Connection) -> BankVersion:
            base = await _visible(connection, bank_id, viewer)
            viewer.require_own(base.owner)
            assert base.document is not None
            held = await store.held(connection, UUID(base.id))
            if not held:
                raise errors.nothing_learned(bank_id)
            counted = await store.counted(connection, UUID(base.id))
            bank = await _bank(base.document)
            size = LOOKS * (about(base.document) + len(counted))
            document = await beside(size, learned, bank, base.document, held, counted, weight or DEFAULT_WEIGHT)
            await _bank(document)
            return await store.insert(connection, base.owner, document, base.version, sum(held.values()))

        return await once.run(self._database, learn)

    async def accept(self, bank_id: str, viewer: Viewer) -> BankVersion:
        """Has conversations begin with it. Whoever may do so at all may do it to whatever they see."""
        async with self._database.transaction() as connection:
            bank = await _visible(connection, bank_id, viewer, lock=True)
            return await store.accept(connection, UUID(bank.id), viewer.name)

    async def delete(self, bank_id: str, viewer: Viewer) -> None:
        async with self._database.transaction() as connection:
            bank = await _visible(connection, bank_id, viewer, lock=True)
            viewer.require_own(bank.owner)
            await store.delete(connection, UUID(bank.id))


async def bound(connection: Connection, spec: ConversationSpec, viewer: Viewer) -> ConversationSpec:
    """A conversation with the document of the bank that it names.

    Raises:
        ServiceError: BANK_NOT_FOUND.
    """
    if not spec.bank_name:
        return spec
    found = await store.named(connection, viewer.name, spec.bank_name, spec.bank_version)
    if found is None:
        which = f" {spec.bank_version}" if spec.bank_version else ""
        raise errors.bank_not_found(f"{spec.bank_name}{which}")
    goal: Goal = replace(spec.goal, bank=found.document)
    return replace(spec, goal=goal, bank=found.ref)


async def _bank(document: Mapping[str, Any]) -> Any:
    return await beside(LOOKS * about(document), bank_of, document)


async def _visible(connection: Connection, bank_id: str, viewer: Viewer, *, lock: bool = False) -> BankVersion:
    found = await store.get(connection, named, lock=lock) if (named := uuid_of(bank_id)) else None
    if found is None or not viewer.sees(found.audience):
        raise errors.bank_not_found(bank_id)
    return found
