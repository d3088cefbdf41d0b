"""A hitl service that does what it is told: the first word of an id, up to the dash, says what happens."""

import asyncio
import json
from collections import Counter

import grpc
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.json_format import ParseDict
from qmcp.hitl.v1 import hitl_service_pb2, hitl_service_pb2_grpc, link_pb2, request_pb2, webhook_pb2

from tests.edge.refusing import refuse


class HitlBackend(hitl_service_pb2_grpc.HitlServiceServicer):
    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()

    async def CreateHumanRequest(self, request, context):
        await self.obey(request.id, context)
        await context.send_initial_metadata((("x-http-status", "201"),))
        return asked(request.id, request_type=request.request_type)

    async def GetHumanRequest(self, request, context):
        await self.obey(request.id, context)
        return hitl_service_pb2.GetHumanRequestResponse(
            request=asked(request.id), response=ParseDict(None, hitl_service_pb2.GetHumanRequestResponse().response)
        )

    async def ListHumanRequests(self, request, context):
        return hitl_service_pb2.ListHumanRequestsResponse(requests=[asked("one")], count=1)

    async def CreateHumanResponse(self, request, context):
        answered = request.human_request_id or request.request_id
        await self.obey(answered, context)
        await context.send_initial_metadata((("x-http-status", "201"),))
        return request_pb2.HumanResponse(id="r", human_request_id=answered, response=request.response)

    async def WaitForResponse(self, request, context):
        await self.obey(request.id, context)
        left = context.time_remaining()
        await asyncio.sleep(request.timeout_seconds)
        ids = [request.id] if request.id else list(request.ids)
        return hitl_service_pb2.WaitForResponseResponse(
            done=True, requests=[asked(each, timeout_seconds=int(left)) for each in ids]
        )

    async def WatchHumanRequests(self, request, context):
        await self.obey(request.id, context)
        for number in range(1, 4):
            yield request_pb2.HumanRequestEvent(
                sequence=request.after_sequence + number, kind="created", last=number == 3
            )
            await asyncio.sleep(0.5)

    async def CancelHumanRequest(self, request, context):
        return asked(request.id, status="cancelled", cancel_reason=request.reason)

    async def ClaimHumanRequest(self, request, context):
        await self.obey(request.id, context)
        return asked(request.id, claimed_by="me")

    async def CreateActionLink(self, request, context):
        return link_pb2.ActionLink(path=f"/v1/human/links/{'t' * 43}", human_request_id=request.id)

    async def ShowActionLink(self, request, context):
        return HttpBody(content_type="text/html; charset=utf-8", data=told(request, context))

    async def AnswerActionLink(self, request, context):
        return HttpBody(content_type="application/json", data=told(request, context, request.form))

    async def CreateWebhook(self, request, context):
        await context.send_initial_metadata((("x-http-status", "201"),))
        return webhook_pb2.Webhook(id="w", url=request.webhook.url, secret="whsec_shown")

    async def obey(self, name, context):
        word, _, rest = name.partition("-")
        match word:
            case "attempts":
                self.attempts[rest] += 1
                if self.attempts[rest] == 1:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the first attempt always fails")
            case "fail":
                code, _, http_status = rest.partition("-")
                await refuse(context, code, http_status)
            case "sleep":
                await asyncio.sleep(float(rest))


def asked(name, **fields):
    return request_pb2.HumanRequest(**{"id": name, "status": "pending", **fields})


def told(request, context, form=None):
    """What came: the token, the form as it was, and the headers."""
    seen = {"token": request.token, "metadata": dict(context.invocation_metadata())}
    if form is not None:
        seen |= {"content_type": form.content_type, "form": form.data.decode()}
    return json.dumps(seen, default=str).encode()
