"""The gRPC edge of the documents service: takes the request, calls one domain function, returns one message."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty
from grpc.aio import ServicerContext
from qmcp.documents.v1 import batch_pb2, contract_pb2, documents_service_pb2_grpc, run_pb2, template_pb2
from qmcp.documents.v1 import documents_service_pb2 as pb

from servicekit.http_status import answer_with_headers
from servicekit.idempotency import Once
from servicekit.identity.detached_work import Sponsor
from servicekit.large import beside
from servicekit.request_context import current_context
from services.documents import errors, messages
from services.documents.forms.multipart import File, read_form
from services.documents.forms.options import PRESETS
from services.documents.forms.uploads import Uploads
from services.documents.models import BatchFilter, Caller, DocumentRun
from services.documents.runs.archive import MEDIA_TYPE, NAME, Build, pieces
from services.documents.runs.batches import Batches
from services.documents.runs.history import History
from services.documents.runs.meta import Gate
from services.documents.runs.running import Runs
from services.documents.runs.starting import StartedRuns
from services.documents.templates.library import Library

Context = ServicerContext[Any, Any]
# The skill whose templates are described where none is named.
JINJA = "jinja_template"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
INTERVIEW = "interview"
EXIT_CODE, REQUEST_ID = "x-docops-exit-code", "x-docops-request-id"


@dataclass(frozen=True, slots=True)
class About:
    """What the service can do, and who is told."""

    gate: Gate
    schemas: Mapping[str, Mapping[str, Any]]
    build: Build


@dataclass(frozen=True, slots=True)
class AllRuns:
    """Runs whose callers wait, those that go on by themselves, many together, and those of before."""

    waited: Runs
    started: StartedRuns
    batches: Batches
    history: History


class DocumentsServicer(documents_service_pb2_grpc.DocumentsServiceServicer):
    """See protos/qmcp/documents/v1/documents_service.proto, where every method is documented."""

    def __init__(self, runs: AllRuns, library: Library, uploads: Uploads, about: About) -> None:
        self._runs = runs.waited
        self._started = runs.started
        self._batches = runs.batches
        self._history = runs.history
        self._library = library
        self._uploads = uploads
        self._about = about

    async def RunForm(self, request: AsyncIterator[HttpBody], context: Context) -> AsyncIterator[HttpBody]:
        with self._runs.told() as journal, self._uploads.upload() as upload:
            journal.stage = "upload"
            form = await read_form(_chunks(request), upload)
            form = await self._library.filled_in(form, current_context.get().viewer, upload.hold)
            archived = await self._runs.run(form, _caller(), journal)
        await answer_with_headers(context, _headers(archived.run))
        for piece in archived.pieces:
            yield HttpBody(content_type=MEDIA_TYPE, data=piece)

    async def PrecheckForm(self, request: AsyncIterator[HttpBody], context: Context) -> pb.Precheck:
        with self._runs.told() as journal, self._uploads.upload() as upload:
            journal.stage = "upload"
            form = await read_form(_chunks(request), upload)
            form = await self._library.filled_in(form, current_context.get().viewer, upload.hold)
            found = await self._runs.precheck(form, journal)
        return messages.precheck_to(found, current_context.get().request_id)

    async def RunDocument(
        self, request: AsyncIterator[pb.RunDocumentRequest], context: Context
    ) -> AsyncIterator[pb.RunDocumentResponse]:
        with self._runs.told() as journal, self._uploads.upload() as upload:
            journal.stage = "upload"
            template, task, start = bytearray(), bytearray(), pb.RunDocumentStart()
            async for part in request:
                upload.take(part.ByteSize())
                template += part.template
                task += part.task
                start.MergeFrom(part.start)
            form = messages.form_from(bytes(template), bytes(task), start.options, start)
            form = await self._library.filled_in(form, current_context.get().viewer, upload.hold)
            archived = await self._runs.run(form, _caller(start.idempotency_key), journal)
        yield pb.RunDocumentResponse(run=messages.run_to(archived.run))
        for piece in archived.pieces:
            yield pb.RunDocumentResponse(archive=piece)

    async def StartRun(self, request: pb.StartRunRequest, context: Context) -> run_pb2.Run:
        call, once = current_context.get(), Once(request, messages.run_to)
        form = await beside(request.ByteSize(), messages.started_form_from, request)
        with self._uploads.upload() as upload:
            form = await self._library.filled_in(form, call.viewer, upload.hold)
            people, interview = messages.people_from(request), request.people.ask_by == INTERVIEW
            sponsor = Sponsor.of(call.principal)
            return await self._started.start(form, _caller(), sponsor, once, people, interview=interview)

    async def WatchRun(self, request: pb.WatchRunRequest, context: Context) -> AsyncIterator[pb.RunEvent]:
        sequence = 0
        async with aclosing(self._started.watch(request.id, current_context.get().viewer)) as changes:
            async for run in changes:
                sequence += 1
                yield messages.event_to(sequence, run)

    async def DescribeTemplate(
        self, request: contract_pb2.DescribeTemplateRequest, context: Context
    ) -> contract_pb2.TemplateContract:
        viewer, found = current_context.get().viewer, []
        with self._uploads.upload() as upload:
            for sent, reference, names in messages.versions_from(request):
                if sent and reference:
                    raise errors.conflict(names)
                found.append((await self._library.file(reference, viewer, upload.hold)).content if reference else sent)
            return messages.contract_to(await self._runs.describe(found[0], request.skill or JINJA, found[1]))

    async def GetMeta(self, request: pb.GetMetaRequest, context: Context) -> pb.Meta:
        self._about.gate.require(current_context.get().header("authorization"))
        return messages.meta_to(self._about.schemas, PRESETS, self._about.build.version)

    async def GetRun(self, request: run_pb2.GetRunRequest, context: Context) -> run_pb2.Run:
        return messages.run_to(await self._history.get(request.id, current_context.get().viewer))

    async def ListRuns(self, request: run_pb2.ListRunsRequest, context: Context) -> run_pb2.ListRunsResponse:
        viewer, wanted = current_context.get().viewer, messages.filter_from(request)
        page, token = await self._history.page(wanted, viewer, request.page_size, request.page_token)
        return run_pb2.ListRunsResponse(runs=map(messages.run_to, page), next_page_token=token)

    async def DownloadRun(self, request: run_pb2.DownloadRunRequest, context: Context) -> AsyncIterator[HttpBody]:
        run = await self._history.get(request.id, current_context.get().viewer)
        begun = False
        async for piece in self._history.archive(run):
            if not begun:
                begun = True
                await answer_with_headers(context, _headers(run))
            yield HttpBody(content_type=MEDIA_TYPE, data=piece)

    async def StartBatch(self, request: batch_pb2.StartBatchRequest, context: Context) -> batch_pb2.Batch:
        call, once = current_context.get(), Once(request, messages.batch_to)
        form, tasks = await beside(request.ByteSize(), messages.batch_from, request)
        with self._uploads.upload() as upload:
            form = await self._library.filled_in(form, call.viewer, upload.hold)
            return await self._batches.start(form, tasks, _caller(), Sponsor.of(call.principal), once)

    async def GetBatch(self, request: batch_pb2.GetBatchRequest, context: Context) -> batch_pb2.Batch:
        return messages.batch_to(await self._batches.get(request.id, current_context.get().viewer))

    async def ListBatches(
        self, request: batch_pb2.ListBatchesRequest, context: Context
    ) -> batch_pb2.ListBatchesResponse:
        viewer, wanted = current_context.get().viewer, BatchFilter(request.skill, request.correlation_id)
        page, token = await self._batches.page(wanted, viewer, request.page_size, request.page_token)
        return batch_pb2.ListBatchesResponse(batches=map(messages.batch_to, page), next_page_token=token)

    async def WatchBatch(
        self, request: batch_pb2.WatchBatchRequest, context: Context
    ) -> AsyncIterator[batch_pb2.BatchEvent]:
        sequence = 0
        async with aclosing(self._batches.watch(request.id, current_context.get().viewer)) as changes:
            async for batch in changes:
                sequence += 1
                yield messages.batch_event_to(sequence, batch)

    async def CancelBatch(self, request: batch_pb2.CancelBatchRequest, context: Context) -> batch_pb2.Batch:
        return messages.batch_to(await self._batches.cancel(request.id, current_context.get().viewer))

    async def DownloadBatch(self, request: batch_pb2.DownloadBatchRequest, context: Context) -> AsyncIterator[HttpBody]:
        batch = await self._batches.get(request.id, current_context.get().viewer)
        begun = False
        async for written in self._batches.archive(batch):
            if not begun:
                begun = True
                name = f"documents-{batch.id}.zip"
                await answer_with_headers(context, {"content-disposition": f'attachment; filename="{name}"'})
            for piece in pieces(written):
                yield HttpBody(content_type=MEDIA_TYPE, data=piece)

    async def UploadTemplate(self, request: AsyncIterator[HttpBody], context: Context) -> template_pb2.Template:
        with self._uploads.upload() as upload:
            form = await read_form(_chunks(request), upload)
            return messages.template_to(await self._library.upload(form, current_context.get().viewer))

    async def StoreTemplate(
        self, request: AsyncIterator[template_pb2.StoreTemplateRequest], context: Context
    ) -> template_pb2.Template:
        content, start = bytearray(), template_pb2.StoreTemplateStart()
        with self._uploads.upload() as upload:
            async for part in request:
                upload.take(part.ByteSize())
                content += part.template
                start.MergeFrom(part.start)
            file = File("template.docx", bytes(content))
            viewer = current_context.get().viewer
            return messages.template_to(await self._library.store(start.name, file, start.shared_with, viewer))

    async def GetTemplate(self, request: template_pb2.GetTemplateRequest, context: Context) -> template_pb2.Template:
        return messages.template_to(await self._library.get(request.id, current_context.get().viewer))

    async def ListTemplates(
        self, request: template_pb2.ListTemplatesRequest, context: Context
    ) -> template_pb2.ListTemplatesResponse:
        viewer, wanted = current_context.get().viewer, messages.template_filter_from(request)
        page, token = await self._library.page(wanted, viewer, request.page_size, request.page_token)
        return template_pb2.ListTemplatesResponse(templates=map(messages.template_to, page), next_page_token=token)

    async def DownloadTemplate(
        self, request: template_pb2.DownloadTemplateRequest, context: Context
    ) -> AsyncIterator[HttpBody]:
        template = await self._library.get(request.id, current_context.get().viewer)
        name = f"{template.name}-{template.version}.docx"
        await answer_with_headers(context, {"content-disposition": f'attachment; filename="{name}"'})
        async for piece in self._library.content(template):
            yield HttpBody(content_type=WORD, data=piece)

    async def DeleteTemplate(self, request: template_pb2.DeleteTemplateRequest, context: Context) -> Empty:
        await self._library.delete(request.id, current_context.get().viewer)
        return Empty()


async def _chunks(bodies: AsyncIterator[HttpBody]) -> AsyncIterator[tuple[str, bytes]]:
    async for body in bodies:
        yield body.content_type, body.data


def _caller(idempotency_key: str = "") -> Caller:
    call = current_context.get()
    return Caller(
        call.principal.name,
        call.request_id,
        call.recorded_correlation_id,
        idempotency_key or call.idempotency_key,
    )


def _headers(run: DocumentRun) -> dict[str, str]:
    return {
        EXIT_CODE: str(run.exit_code),
        REQUEST_ID: current_context.get().request_id,
        "content-disposition": f'attachment; filename="{NAME}"',
    }
