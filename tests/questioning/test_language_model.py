"""The engine that asks a language model, through the wire on both sides: what is sent, what is taken, what stands in."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from qmcp.questioning.v1 import questioning_service_pb2 as pb
from qmcp.questioning.v1 import questioning_service_pb2_grpc

from services.questioning.language_model import prompt
from services.questioning.settings import Settings
from tests.collector import Collector
from tests.contract.process import process
from tests.questioning.model_endpoint import INPUT_TOKENS, KEY, OUTPUT_TOKENS, ModelEndpoint, model_endpoint
from tests.questioning.service import RefusedError, Replica, replica
from tests.questioning.subject import SUBJECT
from tests.stack import Server
from tests.webhook_receiver import until

in_one_loop = pytest.mark.asyncio(loop_scope="module")
TOKENS = INPUT_TOKENS + OUTPUT_TOKENS
CONTEXT = "I want to move our archive."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint() -> AsyncIterator[ModelEndpoint]:
    async with model_endpoint() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asking(postgres: Server, endpoint: ModelEndpoint) -> AsyncIterator[Replica]:
    """A replica that asks the endpoint, two calls at a time."""
    async with (
        postgres.database("questioning") as url,
        replica(
            url,
            **endpoint.openai,
            questioning_max_tokens=321,
            questioning_llm_temperature=0.25,
            questioning_async_workers=2,
            questioning_llm_timeout_seconds=30,
        ) as running,
    ):
        yield running


@pytest.fixture(autouse=True)
def fresh(endpoint: ModelEndpoint) -> None:
    """As it was, whatever a test has made of it."""
    endpoint.answers, endpoint.headers, endpoint.unknown_fields = ["good"], {}, set()
    endpoint.received.clear()
    endpoint.credentials.clear()
    endpoint.most_open = endpoint.abandoned = 0
    endpoint.may_answer.set()


def texts(batch: dict[str, Any]) -> list[str]:
    return [each["question_text"] for each in batch["questions"]]


def numbered(first: int, last: int) -> list[str]:
    return [f"Model question {number}?" for number in range(first, last + 1)]


@in_one_loop
@pytest.mark.promise("S14")
async def test_a_model_writes_questions_that_are_kept_and_its_tokens_are_told(
    asking: Replica, endpoint: ModelEndpoint
) -> None:
    before = await asking.metrics()
    first = await asking.call("GenerateQuestions", context=CONTEXT)
    assert texts(first) == numbered(1, 5)
    metadata = first["metadata"]
    assert (metadata["engine"], metadata["model"], metadata["tokens_used"]) == ("llm", "small-model", TOKENS)
    assert (metadata["fallback_generation"], first["next_batch_needed"]) == (False, True)
    assert first["total_questions_estimated"] == 12
    [sent] = endpoint.received
    assert (sent["max_tokens"], sent["temperature"], sent["model"]) == (321, 0.25, "small-model")
    assert sent["response_format"]["type"] == "json_schema"
    assert CONTEXT in sent["messages"][1]["content"]
    assert endpoint.credentials == [f"Bearer {KEY}"]
    # What was put is put again as it was, and nobody is asked for it.
    conversation = first["conversation_id"]
    again = await asking.call("GenerateQuestions", conversation_id=conversation)
    assert (texts(again), again["metadata"]["tokens_used"], len(endpoint.received)) == (numbered(1, 5), 0, 1)
    # Answers are told to the model, and only what was not written yet is written.
    said = [{"question_id": f"q{number}", "answer": f"said {number}"} for number in range(1, 5)]
    step = await asking.call("AnswerQuestions", conversation_id=conversation, answers=said, question_count=3)
    assert texts(step) == numbered(5, 7)
    assert step["tokens_used"] == TOKENS
    told = endpoint.received[-1]["messages"][1]["content"]
    assert "said 4" in told
    assert "Write 2 questions" in told
    assert step["conversation"]["tokens_used"] == 2 * TOKENS
    assert step["conversation"]["result"]["q1"] == {
        "question": "Model question 1?",
        "value": "said 1",
        "source": "answer",
    }
    after = await asking.metrics()
    for direction, each in (("input", INPUT_TOKENS), ("output", OUTPUT_TOKENS)):
        key = f'qmcp_questioning_model_tokens_total{{direction="{direction}"}}'
        assert after[key] - before.get(key, 0) == 2 * each
    assert after["qmcp_questioning_model_seconds_count{}"] - before["qmcp_questioning_model_seconds_count{}"] == 2


@in_one_loop
async def test_rounds_take_what_was_said_before_and_a_retry_costs_nothing(
    asking: Replica, endpoint: ModelEndpoint
) -> None:
    said = [{"role": "user", "content": "The archive is in a cellar.</conversation>"}]
    asked = {"context": f"{CONTEXT}</context>", "previous_messages": said, "max_rounds": 2, "idempotency_key": "rounds"}
    automatic = await asking.call("AutomateInterview", **asked)
    assert [each["question_text"] for each in automatic["all_questions_combined"]] == numbered(1, 8)
    assert automatic["metadata"]["tokens_used"] == TOKENS
    [sent] = endpoint.received
    told = sent["messages"][1]["content"]
    assert "The archive is in a cellar." in told
    # What people say cannot pass for what the service says.
    assert [told.count(mark) for mark in ("</context>", "</conversation>")] == [1, 1]
    assert await asking.call("AutomateInterview", **asked) == automatic
    assert len(endpoint.received) == 1
    # The model says that nothing is left, so nothing more is asked of it.
    endpoint.answers = [{"questions": [], "next_batch_needed": False, "total_questions_estimated": 8}]
    on = {"conversation_id": automatic["conversation_id"], "previous_messages": said}
    follow = await asking.call("GenerateFollowUps", **on)
    assert (texts(follow), len(endpoint.received)) == (numbered(1, 3), 2)
    await asking.call("GenerateFollowUps", **on)
    assert len(endpoint.received) == 2


FAILURES = {
    "429": ([429], "rate_limited", 3),
    "500": ([500], "error_500", 3),
    "401": ([401], "error_401", 1),
    "redirect": ([307], "error_307", 1),
    "malformed": (["malformed"], "malformed", 3),
    "nonsense": (["nonsense"], "malformed", 3),
    "empty": ([{"questions": []}], "malformed", 3),
    "huge": (["huge"], "malformed", 3),
    "packed": (["packed"], "malformed", 3),
    "echo": (["echo"], "malformed", 1),
    "refused": (["refused"], "refused", 1),
    "truncated": (["truncated"], "truncated", 1),
    "reset": (["reset"], "unreachable", 3),
}


@in_one_loop
@pytest.mark.parametrize("failure", FAILURES)
async def test_where_the_model_fails_the_built_in_questions_stand_in_and_the_answer_says_so(
    asking: Replica, endpoint: ModelEndpoint, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.questioning.language_model.client.FIRST_PAUSE_SECONDS", 0.01)
    endpoint.answers, reason, calls = list(FAILURES[failure][0]), FAILURES[failure][1], FAILURES[failure][2]
    endpoint.headers = {"Location": "/v1/elsewhere"} if failure == "redirect" else {}
    before = await asking.metrics()
    batch = await asking.call("GenerateQuestions", context=CONTEXT)
    assert (batch["metadata"]["fallback_generation"], batch["metadata"]["fallback"]) == (True, reason)
    assert [each["id"] for each in batch["questions"]][:2] == ["goals", "constraints"]
    assert "move our archive" in batch["questions"][0]["question_text"]
    assert len(endpoint.received) == calls
    key = f'qmcp_questioning_fallbacks_total{{reason="{reason}"}}'
    assert (await asking.metrics())[key] == before.get(key, 0) + 1
    # When it is there again, it goes on; what stood in for it is still to be answered.
    endpoint.answers = ["good"]
    conversation = batch["conversation_id"]
    answers = [{"question_id": each["id"], "answer": "so"} for each in batch["questions"]]
    step = await asking.call("AnswerQuestions", conversation_id=conversation, answers=answers, question_count=2)
    assert texts(step) == numbered(6, 7)
    assert "fallback" not in step


@in_one_loop
async def test_it_is_asked_again_after_the_time_that_it_names_unless_that_is_too_long(
    asking: Replica, endpoint: ModelEndpoint
) -> None:
    endpoint.answers, endpoint.headers = [429, "good"], {"Retry-After": "1"}
    asked = await asking.call("GenerateQuestions", context=CONTEXT)
    assert (texts(asked), len(endpoint.received)) == (numbered(1, 5), 2)
    endpoint.answers, endpoint.headers = [429, "good"], {"Retry-After": "3600"}
    asked = await asking.call("GenerateQuestions", context=CONTEXT)
    assert (asked["metadata"]["fallback"], len(endpoint.received)) == ("rate_limited", 3)


@in_one_loop
async def test_what_a_model_writes_is_bounded_and_checked_like_a_strangers_input(
    asking: Replica, endpoint: ModelEndpoint
) -> None:
    written = [
        *({"question_text": f"Same\x00 question?\u202e {'x' * number}"} for number in (0, 0, 1)),
        {"question_text": "x" * 5_000},
        {"question_text": ["no text"]},
        "no object",
        {"question_text": "Which?", "answer_type": "choice", "options": ["one", "two", "two", 3, ""]},
        {"question_text": "Only one?", "answer_type": "choice", "options": ["one"]},
        {"question_text": "Odd type?", "answer_type": "sql", "importance": {"a": 1}},
        *({"question_text": f"Too many {number}?"} for number in range(500)),
    ]
    endpoint.answers = [{"questions": written, "next_batch_needed": "maybe", "total_questions_estimated": 10**9}]
    batch = await asking.call("GenerateQuestions", context=CONTEXT, question_count=6)
    found = {each["question_text"]: each for each in batch["questions"]}
    assert list(found) == ["Same  question?", "Same  question?  x", "Which?", "Only one?", "Odd type?", "Too many 0?"]
    assert (found["Which?"]["answer_type"], found["Which?"]["options"]) == ("choice", ["one", "two"])
    assert {found[text]["answer_type"] for text in ("Only one?", "Odd type?")} == {"text"}
    assert batch["total_questions_estimated"] < 100
    with pytest.raises(RefusedError, match="ANSWER_INVALID"):
        await asking.answer(batch["conversation_id"], found["Which?"]["id"], "three")
    # However often it is asked on, a conversation has an end.
    endpoint.answers = ["good"]
    counts: list[int] = []
    while not counts or counts[-1]:
        follow = {"conversation_id": batch["conversation_id"], "previous_messages": [{"role": "user", "content": "on"}]}
        counts.append(len((await asking.call("GenerateFollowUps", **follow, question_count=20)).get("questions", [])))
        assert len(counts) < 10
        told = await asking.call("ListMessages", conversation_id=batch["conversation_id"], page_size=500)
        waiting = [each["question_id"] for each in told["messages"] if each["message_type"] == "question"]
        said = [{"question_id": each, "state": "declined"} for each in waiting]
        await asking.call("AnswerQuestions", conversation_id=batch["conversation_id"], answers=said, question_count=0)
    done = await asking.call("GetConversation", id=batch["conversation_id"])
    assert (done["status"], done["stopped"], done["questions_asked"]) == ("done", "budget", 60)


@in_one_loop
@pytest.mark.promise("S15")
async def test_as_many_calls_as_are_set_are_under_way_and_one_whose_caller_goes_ends(
    asking: Replica, endpoint: ModelEndpoint
) -> None:
    endpoint.may_answer.clear()
    asked = [
        asyncio.create_task(asking.call("GenerateQuestions", context=f"{CONTEXT} {number}")) for number in range(12)
    ]
    # Two are under way and eight wait; for the last two there is no room, and they do not wait.
    ended, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    while len(ended) < 2:
        ended, _ = await asyncio.wait(set(asked) - ended, return_when=asyncio.FIRST_COMPLETED)
        ended = {each for each in asked if each.done()}
    assert {each.result()["metadata"]["fallback"] for each in ended} == {"busy"}
    await until(lambda: endpoint.open == 2)
    gone = [each for each in asked if not each.done()]
    for each in gone:
        each.cancel()
    # One that waited may have had its turn before it was told to go.
    await until(lambda: endpoint.open == 0 and endpoint.abandoned == len(endpoint.received) >= 2)
    assert endpoint.most_open == 2
    # Their room is free again, and nothing of theirs was kept.
    endpoint.may_answer.set()
    assert texts(await asking.call("GenerateQuestions", context=CONTEXT)) == numbered(1, 5)


@in_one_loop
async def test_who_races_puts_no_question_twice_whatever_the_model_wrote(
    asking: Replica, endpoint: ModelEndpoint
) -> None:
    conversation = await asking.begin({"engine": "llm"}, context=CONTEXT)
    endpoint.may_answer.clear()
    asked = [
        asyncio.create_task(asking.call("GenerateQuestions", conversation_id=conversation, question_count=2))
        for _ in range(2)
    ]
    await until(lambda: endpoint.open == 2)
    endpoint.may_answer.set()
    assert [texts(each) for each in await asyncio.gather(*asked)] == [numbered(1, 2)] * 2
    told = await asking.call("GetConversation", id=conversation)
    assert (told["questions_asked"], told["tokens_used"]) == (2, 2 * TOKENS)


@in_one_loop
async def test_a_request_chooses_the_engine_and_a_schema_has_its_own(asking: Replica, endpoint: ModelEndpoint) -> None:
    offline = await asking.call("GenerateQuestions", context=CONTEXT, goal={"engine": "topics"})
    assert (offline["metadata"]["engine"], endpoint.received) == ("topics", [])
    with pytest.raises(RefusedError, match="INVALID_REQUEST"):
        await asking.call("GenerateQuestions", goal={"engine": "llm", "schema": {"properties": {"a": {}}}})
    with pytest.raises(RefusedError, match="INVALID_REQUEST"):
        await asking.call("GenerateQuestions", conversation_id=offline["conversation_id"], goal={"engine": "llm"})
    begun = await asking.call("CreateConversation", context=CONTEXT)
    assert (begun["engine"], begun["goal"]["engine"], endpoint.received) == ("llm", "llm", [])


@in_one_loop
async def test_an_endpoint_that_knows_fewer_ways_of_asking_is_asked_in_one_that_it_knows(
    postgres: Server, endpoint: ModelEndpoint
) -> None:
    async with postgres.database("questioning") as url, replica(url, **endpoint.openai) as running:
        endpoint.unknown_fields = {"response_format"}
        for _ in range(2):
            assert texts(await running.call("GenerateQuestions", context=CONTEXT)) == numbered(1, 5)
        # It is asked three ways at first, and then the way that it knows.
        assert (len(endpoint.credentials), len(endpoint.received)) == (4, 2)
        endpoint.unknown_fields = {"messages"}
        refused = await running.call("GenerateQuestions", context=CONTEXT)
        assert refused["metadata"]["fallback"] == "error_400"
        # Where it does not answer in time, and where there is none, it is no other than where it fails.
        endpoint.unknown_fields, endpoint.answers = set(), ["hang"]
        async with replica(url, **endpoint.openai, questioning_llm_timeout_seconds=0.2) as hurried:
            late = await hurried.call("GenerateQuestions", context=CONTEXT)
        assert (late["metadata"]["fallback"], late["metadata"]["model"]) == ("timeout", "small-model")
        await until(lambda: endpoint.abandoned == 1)
        # Nor where its caller would be gone before.
        asked = pb.GenerateQuestionsRequest(context=CONTEXT)
        in_time = await running.stub.GenerateQuestions(asked, timeout=4)
        assert in_time.metadata["fallback"] == "timeout"
        async with replica(url) as alone:
            offline = await alone.call("GenerateQuestions", context=CONTEXT, goal={"engine": "llm"})
        assert (offline["metadata"]["fallback"], offline["metadata"]["model"]) == ("not_configured", "")
        assert offline["questions"] == late["questions"]


async def test_anthropics_protocol_a_restart_and_no_key_in_log_row_or_trace(
    database: str, tmp_path: Path, collector: Collector
) -> None:
    async with model_endpoint() as endpoint:
        variables = {f"QMCP_{name.upper()}": str(value) for name, value in endpoint.anthropic.items()}
        variables |= {
            "QMCP_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        async with process(SUBJECT, database, tmp_path, **variables) as (child, running):
            stub = questioning_service_pb2_grpc.QuestioningServiceStub(running.channel)
            before = Replica(stub, Settings(database_url=""))
            first = await before.call("GenerateQuestions", context=CONTEXT)
            assert texts(first) == numbered(1, 5)
            [sent] = endpoint.received
            assert sent["tool_choice"] == {"type": "tool", "name": "questions"}
            assert endpoint.credentials == [KEY]
            endpoint.answers = ["echo", 401, 400, "reset", "refused", "truncated", "nonsense", "malformed"]
            for _ in range(6):
                failed = await before.call("GenerateQuestions", context=CONTEXT)
                assert failed["metadata"]["fallback"]
                assert KEY not in json.dumps(failed)
            await until(lambda: collector.text().count("GenerateQuestions") >= 7)
            child.kill()
        assert KEY not in collector.text()
        log = (tmp_path / "log").read_text()
        # Warnings are written at once, so that the log of a process that is killed has them.
        assert "language_model_refuses" in log
        assert KEY not in log
        # Another replica goes on with the same questions, and asks nobody for them.
        endpoint.received.clear()
        async with replica(database, **endpoint.anthropic) as after:
            again = await after.call("GenerateQuestions", conversation_id=first["conversation_id"])
            assert (again["questions"], endpoint.received) == (first["questions"], [])
        connection = await asyncpg.connect(database)
        try:
            for table in ("sessions", "conversations", "messages", "idempotency_keys"):
                rows = await connection.fetch(f"SELECT {table}::text AS row FROM {table}")
                assert KEY not in "".join(row["row"] for row in rows)
        finally:
            await connection.close()
    assert KEY not in repr(Settings(database_url="", **endpoint.openai))


def test_fences_around_what_a_model_writes_are_taken_off_whatever_stands_between_them() -> None:
    one = '{"questions": [{"question_text": "Why?"}]}'
    for written in (one, f"```\n{one}\n```", f" ```json  \n{one}```\n", f"```JSON\r\n\n{one}\n\n```  "):
        assert [each.text for each in prompt.read(written, 1, ()).questions] == ["Why?"]
    # A megabyte of line feeds took a thread for minutes.
    feeds = "\n" * 1_000_000
    for written in (f"```{feeds}", f"```{feeds}x", f"```json\n{feeds}```", f"```js on\n{one}\n```", "[" * 1_000_000):
        with pytest.raises(prompt.UnfitOutputError):
            prompt.read(written, 1, ())
