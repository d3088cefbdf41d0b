"""What was said outlives kill -9 and the loss of the whole memory, which is made again from it."""

import asyncio
import random
import shutil
from pathlib import Path

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from qmcp.questioning.v1 import questioning_service_pb2 as pb
from qmcp.questioning.v1 import questioning_service_pb2_grpc

from tests.faults.processes import Replica, replicas
from tests.wire import until

pytestmark = pytest.mark.fault
PLACES = ("cellar", "attic", "garden", "garage", "kitchen", "hall", "stairs", "roof")
KILLS = 3


async def test_nothing_is_lost_and_the_memory_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "qdrant"
    async with replicas(tmp_path, "questioning", 1, qdrant_folder=folder) as (_, (service,)):
        acknowledged: dict[str, str] = {}
        talking = asyncio.create_task(_talk(service, acknowledged))
        for number in range(1, KILLS + 1):
            await until(lambda wanted=number: _enough(acknowledged, 2 * wanted), 60)  # type: ignore[misc]
            service.kill()
            # The last time with all that was remembered.
            if number == KILLS:
                shutil.rmtree(folder)
            await service.start()
        await talking
        assert len(acknowledged) == len(PLACES)
        async with grpc.aio.insecure_channel(service.target) as channel:
            stub = questioning_service_pb2_grpc.QuestioningServiceStub(channel)

            async def ready() -> bool:
                told = await stub.GetMemory(pb.GetMemoryRequest())
                return told.state == "ready" and told.texts >= 2 * len(PLACES)

            await until(ready, 60)
            for place, said in acknowledged.items():
                found = await stub.GenerateQuestions(_request(f"In the {place}, what is broken?"))
                assert [each.suggestion.string_value for each in found.questions] == [said]


async def _enough(acknowledged: dict[str, str], wanted: int) -> bool:
    return len(acknowledged) >= wanted


async def _talk(service: Replica, acknowledged: dict[str, str]) -> None:
    """One question and its answer for each place, again until it is acknowledged, whoever is killed."""
    drawn = random.Random(1)
    for place in PLACES:
        said = f"the {place} needs {drawn.randrange(100)} things"
        while place not in acknowledged:
            try:
                async with grpc.aio.insecure_channel(service.target) as channel:
                    stub = questioning_service_pb2_grpc.QuestioningServiceStub(channel)
                    batch = await stub.GenerateQuestions(_request(f"What is broken in the {place}?"), timeout=5)
                    answers = [{"question_id": "/broken", "answer": said}]
                    answer = {"conversation_id": batch.conversation_id, "answers": answers}
                    await stub.AnswerQuestions(ParseDict(answer, pb.AnswerQuestionsRequest()), timeout=5)
                    acknowledged[place] = said
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)


def _request(described: str) -> pb.GenerateQuestionsRequest:
    schema = {
        "title": described,
        "required": ["broken"],
        "properties": {"broken": {"type": "string", "description": described}},
    }
    goal = {"schema": schema, "recall": True}
    return ParseDict({"user_id": "ada", "goal": goal}, pb.GenerateQuestionsRequest())
