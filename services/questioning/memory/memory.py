"""What a person has said before, found by meaning; by words where the index is away."""

from collections.abc import Sequence
from dataclasses import replace

from servicekit.postgres import Database
from servicekit.search.errors import SearchAwayError
from servicekit.search.index import Index, Scope
from services.questioning.memory import store
from services.questioning.memory.likeness import Thresholds, verdict
from services.questioning.memory.models import Asked, Earlier, Gathered, Person

# Questions that are looked at for one that is asked: many of them may never have been answered.
LOOKED_AT = 20
SIMILAR = 3
# Of a long text the end says what it is about now.
MAX_TEXT = 2_000


class Memory:
    """Looks things up outside of transactions: the index may be far away."""

    def __init__(self, database: Database, index: Index | None, thresholds: Thresholds) -> None:
        self._database = database
        self._index = index
        self._thresholds = thresholds

    async def gather(self, gathered: Gathered, person: Person, questions: Sequence[Asked]) -> None:
        """Looks up what the person has answered to questions like these, and adds it to what was gathered."""
        for asked in questions:
            ids, similarities = await self._like(gathered, person, asked.text)
            async with self._database.connection() as connection:
                found = await store.answered(connection, person, ids)
            gathered.answers[asked] = [
                earlier
                for each in ids
                if each in found and (earlier := self._judged(asked, found[each], similarities.get(each)))
            ]

    async def similar(self, gathered: Gathered, person: Person, text: str, *, recall: bool) -> None:
        """Looks up what is most like a text: in this conversation, and in all of the person's where that is allowed."""
        text = text[-MAX_TEXT:]
        if not text.strip() or not (recall or person.conversation_id):
            return
        within = "" if recall else person.conversation_id
        ids, similarities = await self._near(gathered, person, text, within)
        async with self._database.connection() as connection:
            found = await store.said(connection, person, ids)
        gathered.similar = [
            replace(found[each], similarity=similarities.get(each))
            for each in ids
            if each in found and found[each].content != text
        ][:SIMILAR]

    def _judged(self, asked: Asked, earlier: Earlier, similarity: float | None) -> Earlier | None:
        judged = verdict(asked, earlier.asked, similarity, self._thresholds)
        if judged == "unlike":
            return None
        told = None if similarity is None else round(similarity, 4)
        return replace(
            earlier,
            answers=judged == "answered" and earlier.recalled.fact is not None,
            recalled=replace(earlier.recalled, similarity=told),
        )

    async def _like(self, gathered: Gathered, person: Person, text: str) -> tuple[list[str], dict[str, float]]:
        """Questions like this one that were put to the person in other conversations."""
        must = {"owner": person.owner, "user_id": person.user_id, "kind": "question"}
        scope = Scope(must, {"group_id": person.conversation_id} if person.conversation_id else {})
        return await self._search(gathered, person, text, scope, ("question",), "", LOOKED_AT)

    async def _near(
        self, gathered: Gathered, person: Person, text: str, within: str
    ) -> tuple[list[str], dict[str, float]]:
        must = {"owner": person.owner, "user_id": person.user_id} | ({"group_id": within} if within else {})
        kinds = ("question", "answer", "system")
        anywhere = replace(person, conversation_id="")
        return await self._search(gathered, anywhere, text, Scope(must, {}), kinds, within, 2 * SIMILAR)

    async def _search(
        self,
        gathered: Gathered,
        person: Person,
        text: str,
        scope: Scope,
        kinds: Sequence[str],
        within: str,
        limit: int,
    ) -> tuple[list[str], dict[str, float]]:
        """The ids of messages, best first, and how like they are; the latter only where a model is there."""
        if self._index is not None and gathered.memory == "meaning":
            try:
                hits = await self._index.search(text, scope, limit)
            except SearchAwayError:
                gathered.memory = "words"
            else:
                return [each.item_id for each in hits], {
                    each.item_id: each.similarity for each in hits if each.similarity is not None
                }
        gathered.memory = "words"
        async with self._database.connection() as connection:
            return await store.with_words(connection, person, text, kinds, within, limit), {}
