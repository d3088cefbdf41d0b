"""The memory through the wire: found by meaning, proposed with its source, made again when it is lost."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.questioning.settings import Settings
from tests.questioning.service import RefusedError, Replica, replica
from tests.servicekit.search.qdrant import API_KEY, running_qdrant
from tests.stack import Server
from tests.wire import until


@dataclass
class Remembering:
    """A replica with a memory of its own."""

    replica: Replica
    folder: Path

    async def fill(self, user: str, described: str, said: str, **field: Any) -> str:
        """A conversation in which a user answers one question; returns its id."""
        conversation = await self.replica.begin(goal(described, **field), user_id=user)
        await self.replica.call("GenerateQuestions", conversation_id=conversation)
        await self.replica.answer(conversation, "/field", said)
        return conversation

    async def asked(self, user: str, described: str, **field: Any) -> dict[str, Any]:
        """What a new conversation with one question begins with."""
        return await self.replica.call("GenerateQuestions", user_id=user, goal=goal(described, **field))

    async def settled(self) -> dict[str, Any]:
        """How the memory is once nothing waits."""

        async def ready() -> dict[str, Any] | None:
            found = await self.replica.call("GetMemory")
            return found if found["state"] == "ready" else None

        found: dict[str, Any] = await until(ready, 60)
        return found


def goal(described: str, name: str = "field", **field: Any) -> dict[str, Any]:
    # Each form has another title, so that no field is recalled by its place.
    properties = {name: {"type": "string", "description": described, **field}}
    return {"schema": {"title": described, "required": [name], "properties": properties}, "recall": True}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def memory(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Remembering]:
    folder = tmp_path_factory.mktemp("memory") / "qdrant"
    async with postgres.database("questioning") as url, replica(url, qdrant_folder=folder) as made:
        yield Remembering(made, folder)


@pytest.mark.asyncio(loop_scope="module")
async def test_another_wording_is_proposed_with_its_source_and_idle_words_are_no_other_question(
    memory: Remembering,
) -> None:
    earlier = await memory.fill("ann", "When were you born?", "on the fifth of May")
    told = await memory.settled()
    assert (told["store"], told["model"], told["dimension"]) == ("embedded", "minilm", 384)
    # A paraphrase: to be confirmed, whatever it is called.
    batch = await memory.asked("ann", "When exactly were you born?")
    [question] = batch["questions"]
    source = question["source"]
    assert question["suggestion"] == "on the fifth of May"
    assert (source["conversation_id"], source["question"]) == (earlier, "When were you born?")
    assert 0.72 <= source["similarity"] < 1
    assert batch["metadata"]["memory"] == "meaning"
    step = await memory.replica.answer(batch["conversation_id"], "/field", "yes")
    assert step["conversation"]["result"] == {"field": "on the fifth of May"}
    # The same question but for words that say nothing: answered, with its source, and not asked.
    same = await memory.asked("ann", "When are you born, please?")
    assert len(same["questions"]) == 1
    number = await memory.fill("ann", "What is the number of your passport?", "C01X")
    await memory.settled()
    same = await memory.asked("ann", "Which is the number of your passport?")
    assert same.get("questions", []) == []
    [recalled, *_] = same["metadata"]["similar_contexts"]
    assert (recalled["kind"], recalled["conversation_id"], recalled["value"]) == ("recalled", number, "C01X")
    # Words in common are no answer, and another form takes none that does not fit.
    for other in ("Where were you born?", "When was your mother born?", "When were you not born?"):
        [question] = (await memory.asked("ann", other))["questions"]
        assert question.get("suggestion") in (None, "on the fifth of May")
    [question] = (await memory.asked("ann", "When were you born, in figures?", type="integer"))["questions"]
    assert question["suggestion"] is None


@pytest.mark.asyncio(loop_scope="module")
async def test_yes_agrees_to_what_is_proposed_except_where_yes_is_an_answer_of_its_own(memory: Remembering) -> None:
    shared = memory.replica
    properties = {
        "flag": {"type": "boolean", "default": False},
        "flags": {"type": "boolean", "default": False},
        "word": {"enum": ["no", "yes"], "default": "no"},
        "level": {"enum": [1, 2], "default": 2},
        "name": {"type": "string", "default": "Ada"},
        "count": {"type": "integer", "default": 7},
        "any": {"type": ["boolean", "string"], "default": "x"},
    }
    conversation = await shared.begin({"schema": {"required": list(properties), "properties": properties}})
    asked = await shared.call("GenerateQuestions", conversation_id=conversation, question_count=20)
    assert [each["suggestion"] for each in asked["questions"]] == [None, None, None, 2, "Ada", 7, None]
    said: dict[str, Any] = {
        "/flag": "yes",
        "/flags": True,
        "/word": "Yes",
        "/level": "yes",
        "/name": "Yes.",
        "/count": "y",
        "/any": True,
    }
    answers = [{"question_id": name, "answer": each} for name, each in said.items()]
    step = await shared.call("AnswerQuestions", conversation_id=conversation, answers=answers)
    done = step["conversation"]
    assert done["result"] == {
        "flag": True,
        "flags": True,
        "word": "yes",
        "level": 2,
        "name": "Ada",
        "count": 7,
        "any": True,
    }
    # What no double carries is refused, and so is what no JSON has.
    with pytest.raises(RefusedError, match="ANSWER_INVALID"):
        await shared.revise(conversation, "/count", 1e300)
    with pytest.raises(RefusedError, match="INVALID_REQUEST"):
        await shared.revise(conversation, "/count", float("nan"))


@pytest.mark.promise("S19")
@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_like_what_is_said_comes_with_its_place_and_what_is_forbidden_revised_or_deleted_does_not(
    memory: Remembering,
) -> None:
    kept = await memory.fill("bea", "Which pump is broken?", "the blue pump in hall three")
    await memory.fill("bea", "What is the code of the pump room?", "pump room code 7391", **{"x-recall": "never"})
    revised = await memory.fill("bea", "Which pump is loud?", "the green pump")
    await memory.replica.revise(revised, "/field", "the red pump")
    deleted = await memory.fill("bea", "Which pump is old?", "the yellow pump")
    await memory.replica.call("DeleteConversation", id=deleted)
    await memory.settled()
    before = await memory.replica.metrics()
    asked = {"user_id": "bea", "goal": {"recall": True}, "context": "Tell me about the pumps in the halls"}
    found = (await memory.replica.call("GenerateQuestions", **asked))["metadata"]
    assert found["context_enhanced"] is True
    [first, *_] = found["similar_contexts"]
    assert first["kind"] in {"answer", "question"}
    contents = {each["content"] for each in found["similar_contexts"]}
    assert kept in {each["conversation_id"] for each in found["similar_contexts"]}
    assert all(
        {"conversation_id", "message_id", "at", "similarity"} <= each.keys() for each in found["similar_contexts"]
    )
    assert not contents & {"pump room code 7391", "the green pump", "the yellow pump"}
    # Without leave other conversations are not looked at, nor is another user.
    for other in ({"goal": {"recall": False}}, {"user_id": "bob"}):
        quiet = await memory.replica.call("GenerateQuestions", **{**asked, **other})
        assert quiet["metadata"]["similar_contexts"] == []
    # This one is, in its own course.
    conversation = await memory.replica.begin({}, user_id="cid", context="We move the archive")
    await memory.replica.call("GenerateQuestions", conversation_id=conversation)
    await memory.replica.answer(conversation, "constraints", "the lift carries 300 kilograms")
    await memory.settled()
    said = {"role": "user", "content": "How heavy may a box for the lift be?"}
    went_on = await memory.replica.call("GenerateFollowUps", conversation_id=conversation, previous_messages=[said])
    assert "the lift carries 300 kilograms" in {each["content"] for each in went_on["metadata"]["similar_contexts"]}
    after = await memory.replica.metrics()
    for name in ("qmcp_vector_search_seconds_count", "qmcp_vector_search_hits_count", "qmcp_embedding_seconds_count"):
        counted = [{key: value for key, value in page.items() if key.startswith(name)} for page in (before, after)]
        assert sum(counted[1].values()) > sum(counted[0].values())
    shown = {key.partition("{")[0] for key in after}
    assert {"qmcp_index_waiting", "qmcp_index_lag_seconds", "qmcp_index_failed"} <= shown
    assert {"qmcp_grpc_requests_total", "qmcp_grpc_request_duration_seconds_count"} <= shown
    assert {"process_resident_memory_bytes", "qmcp_questioning_questions_total"} <= shown


@pytest.mark.asyncio(loop_scope="module")
async def test_a_memory_that_is_lost_is_made_again_and_interviews_go_on_by_words_meanwhile(memory: Remembering) -> None:
    await memory.fill("dan", "What is your favourite colour?", "ultramarine")
    before = await memory.settled()
    shutil.rmtree(memory.folder)
    # In this moment nothing is there to search: the very words are found in the database, and it says so.
    batch = await memory.asked("dan", "Please give me your favourite colour?")
    assert batch["metadata"]["memory"] in {"words", "meaning", ""}
    assert len(batch["questions"]) == 1
    after = await memory.settled()
    assert int(after["texts"]) >= int(before["texts"])
    [question] = (await memory.asked("dan", "Which colour is your favourite one?"))["questions"]
    assert question["suggestion"] == "ultramarine"
    again = await memory.replica.call("ReindexMemory")
    assert again["state"] in {"catching_up", "ready"}
    assert int((await memory.settled())["texts"]) >= int(after["texts"])


async def test_without_a_place_for_it_words_alone_propose_and_it_says_so(postgres: Server) -> None:
    async with postgres.database("questioning") as url, replica(url) as plain:
        told = await plain.call("GetMemory")
        assert (told["state"], told.get("collection", "")) == ("off", "")
        bare = Remembering(plain, Path("nowhere"))
        await bare.fill("eva", "What is the name of your dog?", "Rex")
        batch = await bare.asked("eva", "Please tell me what is the name of your dog?")
        [question] = batch["questions"]
        assert (question["suggestion"], batch["metadata"]["memory"]) == ("Rex", "words")
        assert "similarity" not in question["source"]
        [other] = (await bare.asked("eva", "What is the name of your cat?"))["questions"]
        assert other["suggestion"] is None
        with pytest.raises(RefusedError) as refused:
            await plain.call("ReindexMemory")
        assert refused.value.refusal.reason == "MEMORY_AWAY"


@pytest.mark.promise("S10", "S11")
async def test_a_qdrant_server_is_used_by_the_originals_names(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with postgres.database("questioning") as url, running_qdrant(tmp_path) as (address, collections):
        for name, value in {
            "DATABASE_URL": url,
            "QDRANT_URL": address,
            "QDRANT_API_KEY": API_KEY,
            "QDRANT_COLLECTION_NAME": "sequential_questioning",
        }.items():
            monkeypatch.setenv(name, value)
        settings = Settings()
        given = {name: getattr(settings, name) for name in ("qdrant_url", "qdrant_api_key", "qdrant_collection_name")}
        async with replica(settings.database_url, **given) as served:
            kept = Remembering(served, Path("nowhere"))
            await kept.fill("gil", "Who repairs the lift?", "the firm Schindler")
            told = await kept.settled()
            assert (told["store"], list(collections.shards)) == (
                "server",
                ["sequential_questioning-questioning-minilm-384"],
            )
            [question] = (await kept.asked("gil", "Who repairs the elevator?"))["questions"]
            assert question["suggestion"] == "the firm Schindler"
            # Each list that is fused is filtered by the owner and the user itself.
            lists = [each for query in collections.queries for each in query["prefetch"]]
            keys = {"owner", "user_id"}
            assert lists
            assert all(keys <= {condition["key"] for condition in each["filter"]["must"]} for each in lists)
            # It goes away, and interviews go on by words and say so; it comes back, and nothing was lost.
            collections.away = True
            batch = await kept.asked("gil", "Please tell me who repairs the lift?")
            assert (batch["metadata"]["memory"], batch["questions"][0]["suggestion"]) == ("words", "the firm Schindler")
            assert (await served.call("GetMemory"))["state"] == "away"
            await kept.fill("gil", "Who cleans the stairs?", "the firm Blank")
            collections.away = False
            await kept.settled()
            [question] = (await kept.asked("gil", "Who keeps the stairs clean?"))["questions"]
            assert question["suggestion"] == "the firm Blank"


async def test_a_folder_that_another_replica_holds_is_no_obstacle(postgres: Server, tmp_path: Path) -> None:
    folder = tmp_path / "qdrant"
    async with (
        postgres.database("questioning") as url,
        replica(url, qdrant_folder=folder) as first,
        replica(url, qdrant_folder=folder) as second,
    ):
        one, other = Remembering(first, folder), Remembering(second, folder)
        await one.settled()
        told = await second.call("GetMemory")
        assert told["state"] == "away"
        assert "another process" in told["detail"]
        # What the other is told comes into the one's memory, by the outbox.
        await other.fill("fay", "What is your shoe size?", "forty-two")
        assert int((await one.settled())["texts"]) == 2
        [question] = (await one.asked("fay", "What size are your shoes?"))["questions"]
        assert question["suggestion"] == "forty-two"
        await asyncio.gather(*(each.replica.call("GetMemory") for each in (one, other)))
