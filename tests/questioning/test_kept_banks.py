"""Banks that are kept, over the wire: their versions never change, interviews stay with theirs, and what was learned waits."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest

from tests.questioning.service import RefusedError, Replica, replica
from tests.questioning.test_information_gain import ANIMALS

in_one_loop = pytest.mark.asyncio(loop_scope="module")


def named(name: str, **changes: Any) -> dict[str, Any]:
    return {**deepcopy(ANIMALS), "name": name, **changes}


async def kept(replica: Replica, name: str, **changes: Any) -> dict[str, Any]:
    return await replica.call("CreateBank", bank=named(name, **changes))


async def held(replica: Replica, name: str, answers: dict[str, str], outcome: str) -> str:
    """An interview with a bank that is kept, closed with what held."""
    conversation = await replica.begin({"bank_name": name})
    said = [{"question_id": question, "answer": answer} for question, answer in answers.items()]
    await replica.call("AnswerQuestions", conversation_id=conversation, answers=said)
    await replica.call("CloseConversation", id=conversation, outcome=outcome)
    return conversation


@in_one_loop
async def test_a_conversation_stays_with_its_version_whatever_becomes_of_the_bank(shared: Replica) -> None:
    first = await kept(shared, "bound")
    assert (first["version"], first["status"], first["bank"]) == (1, "accepted", named("bound"))
    before = await shared.call("GenerateQuestions", goal={"bank_name": "bound"}, question_count=20)
    other = {"id": "mane", "text": "Has it a mane?", "expected": {"dog": "no"}}
    second = await kept(shared, "bound", questions=[other])
    assert second["version"] == 2
    after = await shared.call("GenerateQuestions", goal={"bank_name": "bound"}, question_count=20)
    assert [each["id"] for each in after["questions"]] == ["mane"]
    old = await shared.call("GenerateQuestions", goal={"bank_name": "bound", "bank_version": 1}, question_count=20)
    assert old["questions"] == before["questions"]
    # With a version deleted, and by a replica that has never seen it, the same is asked bit for bit.
    await shared.call("DeleteBank", id=first["id"])
    async with replica(shared.settings.database_url) as another:
        again = await another.call("GenerateQuestions", conversation_id=before["conversation_id"], question_count=20)
    assert again["questions"] == before["questions"]
    told = await shared.call("GetConversation", id=before["conversation_id"])
    assert (told["bank_name"], told["bank_version"], told["goal"]["bank"]) == ("bound", 1, named("bound"))
    with pytest.raises(RefusedError, match="BANK_NOT_FOUND"):
        await shared.begin({"bank_name": "bound", "bank_version": 1})
    # No number is given twice, and who races gets one of their own.
    await shared.call("DeleteBank", id=second["id"])
    raced = await asyncio.gather(*(kept(shared, "bound") for _ in range(6)))
    assert sorted(each["version"] for each in raced) == [3, 4, 5, 6, 7, 8]
    listed = await shared.call("ListBanks", name="bound")
    assert [each["version"] for each in listed["banks"]] == sorted((each["version"] for each in raced), reverse=True)
    assert "bank" not in listed["banks"][0]


@in_one_loop
async def test_what_interviews_teach_is_proposed_and_used_once_it_is_accepted(shared: Replica) -> None:
    first = await kept(shared, "learning")
    with pytest.raises(RefusedError, match="NOTHING_LEARNED"):
        await shared.call("LearnBank", id=first["id"])
    # Dogs here swim, whatever the author thought; one interview is open, and of one nobody says what held.
    for number in range(12):
        await held(shared, "learning", {"swims": "no" if number % 4 == 0 else "yes", "mammal": "yes"}, "dog")
    await shared.begin({"bank_name": "learning"})
    unsaid = await shared.begin({"bank_name": "learning"})
    await shared.call("CloseConversation", id=unsaid)
    proposed = await shared.call("LearnBank", id=first["id"], weight=4)
    assert (proposed["version"], proposed["status"]) == (2, "proposed")
    assert (proposed["learned_from"], proposed["interviews"]) == (1, 12)
    [swims] = [each for each in proposed["bank"]["questions"] if each["id"] == "swims"]
    noise = next(each for each in ANIMALS["questions"] if each["id"] == "swims").get("noise", 0)
    assert swims["likelihood"]["dog"]["yes"] == pytest.approx((4 * noise + 9) / 16, abs=1e-5)
    priors = {each["id"]: each["prior"] for each in proposed["bank"]["hypotheses"]}
    assert priors["dog"] > max(value for name, value in priors.items() if name != "dog")
    # Nobody is asked by it unless they ask for its number; once somebody has accepted it everybody is.
    begun = await shared.call("CreateConversation", goal={"bank_name": "learning"})
    assert begun["bank_version"] == 1
    accepted = await shared.call("AcceptBank", id=proposed["id"])
    assert (accepted["status"], accepted["accepted_by"]) == ("accepted", "local")
    assert await shared.call("AcceptBank", id=proposed["id"]) == accepted
    begun = await shared.call("CreateConversation", goal={"bank_name": "learning"})
    assert begun["bank_version"] == 2
    # Its own interviews count next, and none of before twice.
    with pytest.raises(RefusedError, match="NOTHING_LEARNED"):
        await shared.call("LearnBank", id=proposed["id"])
    # An interview that was sure counts without anybody saying so.
    conversation = await shared.begin({"bank_name": "learning"})
    while questions := (await shared.call("GenerateQuestions", conversation_id=conversation)).get("questions", []):
        await shared.answer(conversation, questions[0]["id"], "no")
    stopped = await shared.call("GetConversation", id=conversation)
    assert stopped["stopped"] == "certain"
    assert (await shared.call("LearnBank", id=proposed["id"]))["interviews"] == 1


@in_one_loop
async def test_what_is_no_bank_no_hypothesis_and_no_name_is_refused(shared: Replica) -> None:
    too_large = named(
        "huge",
        hypotheses=[{"id": f"h{number}"} for number in range(2_000)],
        questions=[
            {"id": f"q{number}", "text": "?", "options": [str(each) for each in range(20)]} for number in range(60)
        ],
    )
    for bank in (too_large, {"name": "x"}, named("a b")):
        with pytest.raises(RefusedError, match="BANK_INVALID"):
            await shared.call("CreateBank", bank=bank)
    with pytest.raises(RefusedError, match="BANK_NOT_FOUND"):
        await shared.begin({"bank_name": "nothing"})
    for goal in (
        {"bank_name": "x", "bank": ANIMALS},
        {"bank_name": "x", "schema": {}},
        {"bank_name": "x", "engine": "llm"},
        {"bank_version": 1},
    ):
        with pytest.raises(RefusedError, match="INVALID_REQUEST"):
            await shared.begin(goal)
    conversation = await shared.begin({"bank": ANIMALS})
    about = await shared.begin(context="x")
    for each, outcome in ((conversation, "unicorn"), (about, "dog")):
        with pytest.raises(RefusedError, match="INVALID_REQUEST"):
            await shared.call("CloseConversation", id=each, outcome=outcome)
    closed = await shared.call("CloseConversation", id=conversation, outcome="dog")
    assert closed["outcome"] == "dog"
    assert (await shared.call("CloseConversation", id=conversation))["outcome"] == "dog"
