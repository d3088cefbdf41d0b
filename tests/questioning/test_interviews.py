"""Interviews over the wire: asked, answered, revised, recalled, restarted, deleted."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from qmcp.questioning.v1 import questioning_service_pb2_grpc

from services.questioning.settings import Settings
from tests.contract.process import process
from tests.questioning.forms import FILLED, SAID, SUPPLIER
from tests.questioning.service import RefusedError, Replica, replica
from tests.questioning.subject import SUBJECT
from tests.questioning.test_information_gain import ANIMALS

in_one_loop = pytest.mark.asyncio(loop_scope="module")
LATER: dict[str, Any] = {
    "title": "Another form",
    "required": ["company", "country", "contact"],
    "properties": SUPPLIER["properties"],
}


async def filled(replica: Replica, said: dict[str, Any], **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """A conversation that was asked and answered to its end, and the order of its questions."""
    conversation = await replica.begin({"schema": SUPPLIER}, **fields)
    batch = await replica.call("GenerateQuestions", conversation_id=conversation, question_count=1)
    questions, order = batch["questions"], []
    while questions:
        order.append(questions[0]["id"])
        step = await replica.answer(conversation, order[-1], said[order[-1]])
        questions = step.get("questions", [])
    return step["conversation"], order


@in_one_loop
async def test_an_interview_fills_a_schema_and_a_revision_asks_only_for_what_it_opens(shared: Replica) -> None:
    done, order = await filled(shared, SAID)
    assert (done["status"], done["stopped"], done["result"]) == ("done", "complete", FILLED)
    assert len(order) == done["questions_asked"] == 12
    moved = await shared.revise(done["id"], "/country", "United States")
    assert [each["id"] for each in moved["questions"]] == ["/state"]
    assert moved["conversation"]["status"] == "open"
    assert moved["conversation"]["not_applicable"] == ["/vat_id"]
    again = (await shared.answer(done["id"], "/state", "TX"))["conversation"]
    assert again["stopped"] == "complete"
    assert again["result"]["state"] == "TX"
    assert "vat_id" not in again["result"]
    answers = [each for each in await shared.messages(done["id"]) if each["message_type"] == "answer"]
    first, second = (each for each in answers if each["question_id"] == "/country")
    assert (first["state"], second["revises"]) == ("revised", first["id"])


async def test_it_goes_on_where_it_was_after_a_restart(database: str, tmp_path: Path) -> None:
    async with process(SUBJECT, database, tmp_path) as (child, running):
        before = Replica(
            questioning_service_pb2_grpc.QuestioningServiceStub(running.channel), Settings(database_url="")
        )
        conversation = await before.begin({"schema": SUPPLIER}, context="Onboarding")
        asked = await before.call("GenerateQuestions", conversation_id=conversation)
        await before.answer(conversation, "/country", "Germany")
        child.kill()
    async with replica(database) as after:
        told = await after.call("GetConversation", id=conversation)
        assert told["result"]["country"] == "Germany"
        on = await after.call("GenerateQuestions", conversation_id=conversation, question_count=20)
        put = {each["id"]: each["question_number"] for each in asked["questions"] if each["id"] != "/country"}
        # What was put before is put again as it was, and what Germany brings beside it.
        assert put.items() <= {each["id"]: each["question_number"] for each in on["questions"]}.items()
        assert "/vat_id" in {each["id"] for each in on["questions"]}
        numbers = sorted([each["question_number"] for each in on["questions"]] + [1])
        assert numbers == list(range(1, 11))


@in_one_loop
async def test_who_races_puts_no_question_twice_and_one_answer_stands(shared: Replica) -> None:
    conversation = await shared.begin({"schema": SUPPLIER})
    asked = await asyncio.gather(*(shared.call("GenerateQuestions", conversation_id=conversation) for _ in range(8)))
    numbers = {tuple((each["id"], each["question_number"]) for each in batch["questions"]) for batch in asked}
    assert len(numbers) == 1
    assert sum(each["message_type"] == "question" for each in await shared.messages(conversation)) == 5
    said = [shared.answer(conversation, "/country", country) for country in ("Germany", "France") * 4]
    ended = await asyncio.gather(*said, return_exceptions=True)
    refused = [each for each in ended if isinstance(each, RefusedError)]
    assert [each.refusal.reason for each in refused] == ["ALREADY_ANSWERED"] * 4
    assert sum(each["message_type"] == "answer" for each in await shared.messages(conversation)) == 1


@in_one_loop
async def test_blank_never_erases_and_nothing_is_overwritten_by_accident(shared: Replica) -> None:
    conversation = await shared.begin({"schema": SUPPLIER})
    await shared.answer(conversation, "/country", "Germany")
    for blank in ("", "   ", None):
        await shared.answer(conversation, "/country", blank)
        await shared.revise(conversation, "/country", blank)
    await shared.answer(conversation, "/country", "germany")
    with pytest.raises(RefusedError, match="ALREADY_ANSWERED"):
        await shared.answer(conversation, "/country", "France")
    with pytest.raises(RefusedError, match="ANSWER_INVALID"):
        await shared.answer(conversation, "/kind", " ")
    with pytest.raises(RefusedError, match="QUESTION_NOT_FOUND"):
        await shared.revise(conversation, "/kind", "goods")
    with pytest.raises(RefusedError, match=r"ANSWER_INVALID.*Germany, France"):
        await shared.revise(conversation, "/country", "Spain")
    assert (await shared.call("GetConversation", id=conversation))["result"]["country"] == "Germany"


@in_one_loop
async def test_answers_are_taken_all_or_none_and_in_their_order(shared: Replica) -> None:
    conversation = await shared.begin({"schema": SUPPLIER})
    both = [{"question_id": "/country", "answer": "France"}, {"question_id": "/vat_id", "answer": "FR1"}]
    with pytest.raises(RefusedError, match="QUESTION_NOT_FOUND"):
        await shared.call("AnswerQuestions", conversation_id=conversation, answers=both[::-1])
    assert "country" not in (await shared.call("GetConversation", id=conversation)).get("result", {})
    step = await shared.call("AnswerQuestions", conversation_id=conversation, answers=both, question_count=2)
    assert step["conversation"]["result"]["vat_id"] == "FR1"
    assert len(step["questions"]) == 2


@in_one_loop
async def test_what_the_user_answered_before_is_recalled_or_proposed_with_where_it_comes_from(shared: Replica) -> None:
    earlier, _ = await filled(shared, SAID, user_id="ada")
    goal = {"schema": LATER, "recall": True}
    batch = await shared.call("GenerateQuestions", user_id="ada", goal=goal, question_count=20)
    asked = {each["id"]: each for each in batch["questions"]}
    # A whole question in the same words is answered; "the country" is only proposed.
    assert set(asked) == {"/country", "/contact/name", "/contact/email"}
    assert asked["/country"]["suggestion"] == "Germany"
    assert asked["/country"]["source"]["conversation_id"] == earlier["id"]
    assert batch["metadata"]["context_enhanced"] is True
    assert batch["metadata"]["similar_contexts"][0]["conversation_id"] == earlier["id"]
    conversation = batch["conversation_id"]
    agreed = [{"question_id": "/country", "answer": "yes"}, {"question_id": "/contact/name", "state": "confirmed"}]
    agreed.append({"question_id": "/contact/email", "answer": "new@example.com"})
    step = await shared.call("AnswerQuestions", conversation_id=conversation, answers=agreed)
    assert step["conversation"]["result"]["country"] == "Germany"
    # What was agreed to may be said again in words.
    await shared.answer(conversation, "/country", "Germany")
    said = {
        each["question_id"]: each for each in await shared.messages(conversation) if each["message_type"] == "answer"
    }
    assert {name: each["state"] for name, each in said.items()} == {
        "/company": "given",
        "/country": "confirmed",
        "/contact/name": "confirmed",
        "/contact/email": "given",
    }
    assert said["/company"]["source"]["kind"] == "recalled"
    # Who did not allow it, another user, and what was revised or deleted: nothing is recalled.
    plain = await shared.call("GenerateQuestions", user_id="ada", goal={"schema": LATER}, question_count=20)
    other = await shared.call("GenerateQuestions", user_id="eve", goal=goal, question_count=20)
    assert all("/company" in {q["id"] for q in each["questions"]} for each in (plain, other))
    assert not any(each.get("source") for each in [*plain["questions"], *other["questions"]])
    for each in (earlier["id"], conversation):
        await shared.call("DeleteConversation", id=each)
    gone = await shared.call("GenerateQuestions", user_id="ada", goal=goal, question_count=20)
    assert not any(each.get("source") for each in gone["questions"])


@in_one_loop
async def test_a_bank_is_asked_by_what_tells_most_and_says_why(shared: Replica) -> None:
    conversation = await shared.begin({"bank": ANIMALS})
    batch = await shared.call("GenerateQuestions", conversation_id=conversation, question_count=1)
    [first] = batch["questions"]
    assert first["answer_type"] == "yes_no"
    assert first["score"] == pytest.approx(1, abs=0.01)
    step = await shared.answer(conversation, "mammal", "yes")
    legs = step["questions"][0]["id"]
    done = await shared.answer(conversation, legs, "no" if legs == "swims" else "four")
    assert done["conversation"]["stopped"] == "certain"
    assert done["conversation"]["result"]["hypothesis"] == "dog"
    # Enough is known, and still nobody is kept from saying that they do not know.
    unsure = {"question_id": "mammal", "state": "unknown"}
    await shared.call("ReviseAnswer", conversation_id=conversation, answer=unsure)
    await shared.call("ReviseAnswer", conversation_id=conversation, answer={"question_id": "mammal", "answer": True})
    told = await shared.call("ExplainQuestion", conversation_id=conversation, question_id="mammal")
    assert "bits" in told["question"]["reason"]
    assert told["question"]["alternatives"][0]["question_id"] == "swims"
    assert (told["answer"]["state"], told["times_asked"]) == ("given", 1)


@in_one_loop
async def test_free_context_is_asked_about_and_what_was_said_before_answers_it(shared: Replica) -> None:
    first = await shared.call("GenerateQuestions", context="I want to move the archive. It is due by 31 March.")
    assert len(first["questions"]) == 5
    assert first["metadata"]["question_type"] == "initial"
    assert first["current_question"].startswith("1. ")
    said = [
        {"role": "assistant", "content": first["current_question"]},
        {"role": "user", "content": "1. Faster search. 2. no idea"},
    ]
    follow = {"conversation_id": first["conversation_id"], "previous_messages": said}
    on = await shared.call("GenerateFollowUps", **follow)
    assert {each["id"] for each in on["questions"]}.isdisjoint({"goals", "constraints", "timeline"})
    # What was not put yet comes first.
    assert on["questions"][0]["question_number"] == 6
    # The same history again says nothing new.
    before = len(await shared.messages(first["conversation_id"]))
    await shared.call("GenerateFollowUps", **follow)
    assert len(await shared.messages(first["conversation_id"])) == before
    told = await shared.call("GetConversation", id=first["conversation_id"])
    assert told["result"]["goals"] == {"value": "Faster search.", "source": "answer"}
    assert told["missing"] == ["constraints"]


@in_one_loop
async def test_rounds_use_the_answers_of_the_round_before_and_ask_nothing_twice(shared: Replica) -> None:
    first = await shared.call("AutomateInterview", context="A summer party", max_rounds=1)
    assert "follow_up_questions" not in first
    answers = [{"question_id": each["id"], "answer": "So."} for each in first["all_questions_combined"]]
    await shared.call("AnswerQuestions", conversation_id=first["conversation_id"], answers=answers, question_count=0)
    on = await shared.call("AutomateInterview", conversation_id=first["conversation_id"], max_rounds=3)
    asked = [each["id"] for each in first["all_questions_combined"] + on["all_questions_combined"]]
    assert len(asked) == len(set(asked)) == 7
    both = await shared.call("AutomateInterview", context="A winter party")
    assert (both["metadata"]["rounds"], both["total_questions"]) == (2, 7)


@in_one_loop
async def test_who_sends_the_whole_talk_and_no_id_is_not_asked_again_what_was_answered(shared: Replica) -> None:
    context = {"user_id": "stateless", "context": "I want to move the attic."}
    first = await shared.call("GenerateQuestions", **context, question_count=3)
    talk = [
        {"role": "assistant", "content": f"Please tell me:\n{first['current_question']}"},
        {"role": "user", "content": "2. The stairs are narrow. 1. Room for a desk."},
    ]
    on = await shared.call("AutomateInterview", **context, previous_messages=talk, max_rounds=3)
    assert on["conversation_id"] != first["conversation_id"]
    asked = [each["id"] for each in on["all_questions_combined"]]
    assert asked[0] == first["questions"][2]["id"]
    assert not {each["id"] for each in first["questions"][:2]} & set(asked)
    told = await shared.call("GetConversation", id=on["conversation_id"])
    assert [told["result"][each["id"]]["value"] for each in first["questions"][:2]] == [
        "Room for a desk.",
        "The stairs are narrow.",
    ]


@in_one_loop
async def test_a_closed_conversation_takes_nothing_and_a_deleted_one_is_none(shared: Replica) -> None:
    session = (await shared.call("CreateSession", user_id="bob"))["id"]
    conversation = await shared.begin({"schema": SUPPLIER}, session_id=session)
    await shared.call("CloseSession", id=session)
    for refused in (
        shared.answer(conversation, "/country", "Germany"),
        shared.call("GenerateQuestions", conversation_id=conversation),
        shared.begin(session_id=session),
    ):
        with pytest.raises(RefusedError, match="CLOSED"):
            await refused
    assert (await shared.call("GetConversation", id=conversation))["status"] == "closed"
    await shared.call("DeleteSession", id=session)
    with pytest.raises(RefusedError, match="CONVERSATION_NOT_FOUND"):
        await shared.call("GetConversation", id=conversation)


@in_one_loop
async def test_goals_that_are_none_are_refused_and_a_conversation_keeps_its_own(shared: Replica) -> None:
    with pytest.raises(RefusedError, match="SCHEMA_INVALID"):
        await shared.begin({"schema": {"type": "string"}})
    with pytest.raises(RefusedError, match="SCHEMA_INVALID"):
        await shared.begin({"schema": {"properties": {"a": {"$ref": "https://example.com/a"}}, "required": ["a"]}})
    with pytest.raises(RefusedError, match="BANK_INVALID"):
        await shared.begin(
            {"bank": {**ANIMALS, "questions": [{**ANIMALS["questions"][0], "expected": {"cat": "yes"}}]}}
        )
    many = {"bank": {"name": "b", "hypotheses": [{"id": str(n)} for n in range(2000)], "questions": []}}
    many["bank"]["questions"] = [{"id": f"q{n}", "text": "?"} for n in range(501)]
    with pytest.raises(RefusedError, match="too large"):
        await shared.begin(many)
    # Each of its fields would be compiled with all of its definitions.
    heavy = {"$defs": {f"d{n}": {"description": "x" * 500} for n in range(200)}, "properties": {}, "required": []}
    for number in range(100):
        heavy["properties"][f"f{number}"] = {"$ref": f"#/$defs/d{number}"}
        heavy["required"].append(f"f{number}")
    conversation = await shared.begin({"schema": heavy})
    said = [{"question_id": f"/f{number}", "answer": "x"} for number in range(100)]
    with pytest.raises(RefusedError, match="too much to check"):
        await shared.call("AnswerQuestions", conversation_id=conversation, answers=said)
    with pytest.raises(RefusedError, match="not both"):
        await shared.begin({"schema": SUPPLIER, "bank": ANIMALS})
    conversation = await shared.begin({"schema": SUPPLIER})
    with pytest.raises(RefusedError, match="cannot be changed"):
        await shared.call("GenerateQuestions", conversation_id=conversation, goal={"bank": ANIMALS})
    with pytest.raises(RefusedError, match="follow-up needs"):
        await shared.call("GenerateFollowUps", context="x")


@in_one_loop
async def test_banks_are_looked_at_and_played_before_anybody_is_asked(shared: Replica) -> None:
    silent = {"id": "name", "text": "Has it a name?"}
    found = await shared.call("LintBank", bank={**ANIMALS, "questions": [*ANIMALS["questions"], silent]})
    assert [(each["kind"], each["subject"]) for each in found["findings"]] == [("uninformative", "name")]
    played = await shared.call("SimulateBank", bank=ANIMALS, interviews=40, seed=3)
    assert played["by_gain"]["accuracy"] == 1
    assert played["by_gain"]["mean_questions"] <= played["in_order"]["mean_questions"]
    assert played == await shared.call("SimulateBank", bank=ANIMALS, interviews=40, seed=3)
    # 40 KB that have two million likelihoods: to compare all hypotheses took minutes, and went on when nobody waited.
    many = [{"id": f"q{place}", "text": "?", "options": [str(each) for each in range(20)]} for place in range(50)]
    large = {"name": "large", "hypotheses": [{"id": str(each)} for each in range(2_000)], "questions": many}
    found = await shared.call("LintBank", bank=large)
    assert [each["kind"] for each in found["findings"]] == ["uninformative"] * 50 + ["indistinguishable"] * 1_999


@in_one_loop
async def test_the_metrics_count_what_is_asked_and_answered(shared: Replica) -> None:
    before = await shared.metrics()
    done, order = await filled(shared, SAID)
    after = await shared.metrics()
    for name in ("questions_total", "answers_total"):
        key = f'qmcp_questioning_{name}{{engine="schema"}}'
        assert after[key] - before.get(key, 0) == len(order) == done["questions_asked"]
    key = 'qmcp_questioning_questions_per_interview_count{engine="schema"}'
    assert after[key] - before.get(key, 0) == 1


@in_one_loop
async def test_lists_are_short_and_a_page_of_long_messages_ends_early(shared: Replica) -> None:
    conversation = await shared.begin({"schema": SUPPLIER}, context="long " * 10_000, user_id="long")
    await shared.answer(conversation, "/country", "France")
    whole = await shared.call("GetConversation", id=conversation)
    assert whole["goal"]["schema"] == SUPPLIER
    listed = await shared.call("ListConversations", session_id=whole["session_id"])
    [brief] = listed["conversations"]
    assert (brief["engine"], brief["goal"], brief["questions_remaining"]) == ("schema", {"schema": {}}, 9)
    assert "context" not in brief
    assert brief["result"] == {}
    talk = [{"role": "system", "content": f"{number} " + "x" * 19_000} for number in range(150)]
    await shared.call("GenerateFollowUps", conversation_id=conversation, previous_messages=talk)
    found: list[str] = []
    token = ""
    while True:
        page = await shared.call("ListMessages", conversation_id=conversation, page_size=500, page_token=token)
        found += [each["content"][:3] for each in page["messages"] if each["message_type"] == "system"]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert found == [each["content"][:3] for each in talk]


@in_one_loop
async def test_a_field_of_whatever_name_is_asked_for_answered_and_revised(shared: Replica) -> None:
    names = ["n" * 600, "line\nfeed", "", "a/b~c", "Größe", "\x7f", "dog"]
    inner = {"type": "object", "required": names, "properties": {name: {"type": "string"} for name in names}}
    schema = {"type": "object", "required": ["x" * 300], "properties": {"x" * 300: inner}}
    batch = await shared.call("GenerateQuestions", goal={"schema": schema}, question_count=20)
    asked = [each["id"] for each in batch["questions"]]
    assert len(set(asked)) == len(names)
    conversation = batch["conversation_id"]
    for place, each in enumerate(asked):
        step = await shared.answer(conversation, each, f"said {place}")
    assert step["conversation"]["result"] == {"x" * 300: {name: f"said {place}" for place, name in enumerate(names)}}
    assert step["conversation"]["stopped"] == "complete"
    revised = await shared.revise(conversation, asked[0], "other")
    assert revised["conversation"]["result"]["x" * 300]["n" * 600] == "other"
    told = await shared.call("ExplainQuestion", conversation_id=conversation, question_id=asked[1])
    assert told["answer"]["content"] == "said 1"
    # Where nobody knows, what hangs on it is decided all the same.
    either = {
        "properties": {"k" * 600: {"type": "string"}},
        "if": {"required": ["k" * 600]},
        "then": {"required": ["dog"]},
        "else": {"required": ["cat"]},
    }
    unknown = await shared.call("GenerateQuestions", goal={"schema": either}, question_count=1)
    step = await shared.answer(unknown["conversation_id"], unknown["questions"][0]["id"], "I don't know")
    assert [each["id"] for each in step["questions"]] == ["/cat"]
