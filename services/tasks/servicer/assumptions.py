"""The calls about what was assumed of tasks."""

from typing import Any

from grpc.aio import ServicerContext
from qmcp.tasks.v1 import assumption_pb2, original_knowledge_pb2, task_pb2

from servicekit.idempotency import Once
from servicekit.request_context import current_context
from services.tasks.assumptions.assumptions import Assumptions
from services.tasks.messages import assumptions as assumption_messages
from services.tasks.messages import board as messages

# Where nobody says how many.
RECENT = 20
Context = ServicerContext[Any, Any]


class AssumptionCalls:
    """See protos/qmcp/tasks/v1/assumption.proto."""

    _assumptions: Assumptions

    async def CaptureAssumptionValidation(
        self, request: assumption_pb2.CaptureAssumptionValidationRequest, context: Context
    ) -> assumption_pb2.AssumptionValidation:
        viewer, once = current_context.get().viewer, Once(request, assumption_messages.validation_to)
        return await self._assumptions.capture(assumption_messages.finding_from(request), viewer, once)

    async def ListAssumptionValidations(
        self, request: assumption_pb2.ListAssumptionValidationsRequest, context: Context
    ) -> assumption_pb2.ListAssumptionValidationsResponse:
        viewer, wanted = current_context.get().viewer, assumption_messages.filter_from(request)
        page, token = await self._assumptions.page(wanted, viewer, request.page_size, request.page_token)
        found = map(assumption_messages.validation_to, page)
        return assumption_pb2.ListAssumptionValidationsResponse(validations=found, next_page_token=token)

    async def GetAssumptionInsights(
        self, request: assumption_pb2.GetAssumptionInsightsRequest, context: Context
    ) -> assumption_pb2.AssumptionInsights:
        wanted = assumption_messages.filter_from(request)
        return assumption_messages.insights_to(await self._assumptions.insights(wanted, current_context.get().viewer))

    async def AddRaTag(self, request: assumption_pb2.AddRaTagRequest, context: Context) -> task_pb2.Task:
        viewer, once = current_context.get().viewer, Once(request, messages.task_to)
        return await self._assumptions.add_tag(assumption_messages.tag_from(request), viewer, once)

    async def DescribeRaTags(
        self, request: assumption_pb2.DescribeRaTagsRequest, context: Context
    ) -> assumption_pb2.RaTagVocabulary:
        return assumption_messages.vocabulary_to()

    async def ReadRecentAssumptions(
        self, request: original_knowledge_pb2.ReadRecentAssumptionsRequest, context: Context
    ) -> original_knowledge_pb2.ReadRecentAssumptionsResponse:
        viewer, wanted = current_context.get().viewer, assumption_messages.filter_from(request)
        recent = await self._assumptions.recent(wanted, viewer, request.limit or RECENT, request.before_id)
        return assumption_messages.recent_to(recent)

    async def DescribeTagDetails(
        self, request: original_knowledge_pb2.DescribeTagDetailsRequest, context: Context
    ) -> original_knowledge_pb2.TagDetails:
        viewer = current_context.get().viewer
        return assumption_messages.details_to(
            await self._assumptions.tag_details(request.project_id, request.tag_type, viewer)
        )
