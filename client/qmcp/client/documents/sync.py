# Generated from aio.py by client/generate. `make generate` writes it again.
"""What the client can do with documents."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from qmcp.client.calling.conversion import from_message, to_object, to_optional
from qmcp.client.calling.sync import Calls
from qmcp.client.documents.models import Batch, Run, RunPeople, Template, TemplateContract
from qmcp.client.documents.produced import Produced
from qmcp.documents.v1 import batch_pb2, contract_pb2, run_pb2, template_pb2
from qmcp.documents.v1 import documents_service_pb2 as api

# Of one message.
PART_BYTES = 512 * 1024


class Documents(Calls):
    """The calls of the documents service."""

    def run_document(
        self,
        template: bytes,
        task: bytes,
        *,
        stored_template: str = "",
        skill: str = "",
        preset: str = "",
        strict: bool = False,
        format_mode: str = "",
        format_baseline: str = "",
        format_fix_mode: str = "",
        format_report: str = "",
        policy_yaml: str = "",
        export_suggested_policy: bool = False,
        idempotency_key: str = "",
        task_id: str = "",
        fencing_token: int = 0,
        timeout: float | None = None,
    ) -> Produced:
        """Fills a template; what is left out is as in a form. It is sent once.

        In place of a template, which is empty then, `stored_template` has the id, `name` or `name@version` of one.
        With a task and the `fencing_token` of its lease, it is done only while the caller holds that.
        """
        options = run_pb2.RunOptions(
            stored_template=stored_template,
            skill=skill,
            preset=preset,
            strict=strict,
            format_mode=format_mode,
            format_baseline=format_baseline,
            format_fix_mode=format_fix_mode,
            format_report=format_report,
            policy_yaml=policy_yaml,
            export_suggested_policy=export_suggested_policy,
        )
        parts: list[bytes] = []
        run: Run | None = None
        start = api.RunDocumentStart(
            options=options, idempotency_key=idempotency_key, task_id=task_id, fencing_token=fencing_token
        )
        requests = _requests(template, task, start)
        with self._exchange(requests, api.RunDocumentRequest, timeout) as answers:
            for answer in answers:
                if answer.HasField("run"):
                    run = from_message(Run, answer.run)
                parts.append(answer.archive)
        assert run is not None, "an answer begins with the run"
        return Produced(run, b"".join(parts))

    def start_document_run(
        self,
        template: bytes,
        payload: Mapping[str, Any],
        *,
        stored_template: str = "",
        skill: str = "",
        preset: str = "",
        policy_yaml: str = "",
        people: RunPeople | None = None,
        task_id: str = "",
        fencing_token: int = 0,
        idempotency_key: str | None = None,
    ) -> Run:
        """Begins a run that goes on without this call; `get_document_run` says how far it is, `people` who is asked.

        With a task and the `fencing_token` of its lease, it is done only while the caller holds that.
        """
        options = run_pb2.RunOptions(
            stored_template=stored_template, skill=skill, preset=preset, policy_yaml=policy_yaml
        )
        request = api.StartRunRequest(
            template=template,
            payload=to_object(payload),
            options=options,
            people=to_optional(people, api.RunPeople()),
            task_id=task_id,
            fencing_token=fencing_token,
            idempotency_key=idempotency_key,
        )
        return self._call(request, Run)

    def start_document_batch(
        self,
        template: bytes,
        payloads: Sequence[Mapping[str, Any]],
        *,
        stored_template: str = "",
        skill: str = "",
        preset: str = "",
        policy_yaml: str = "",
        idempotency_key: str | None = None,
    ) -> Batch:
        """Begins a run for each payload, all of one template; `wait_for_document_batch` waits for their end."""
        options = run_pb2.RunOptions(
            stored_template=stored_template, skill=skill, preset=preset, policy_yaml=policy_yaml
        )
        request = batch_pb2.StartBatchRequest(
            template=template,
            payloads=[to_object(each) for each in payloads],
            options=options,
            idempotency_key=idempotency_key,
        )
        return self._call(request, Batch)

    def get_document_batch(self, batch_id: str) -> Batch:
        """One batch: how far it is. Its runs are those of `list_document_runs(batch_id=…)`."""
        return self._call(batch_pb2.GetBatchRequest(id=batch_id), Batch)

    def list_document_batches(
        self, *, skill: str = "", correlation_id: str = "", limit: int | None = 50
    ) -> list[Batch]:
        """The newest batches for which all filters hold; `limit` None means all there are."""
        request = batch_pb2.ListBatchesRequest(skill=skill, correlation_id=correlation_id)
        return self._list(request, Batch, limit=limit)

    def wait_for_document_batch(self, batch_id: str, *, timeout: float | None = None) -> Batch:
        """Waits until all of a batch has ended, at most for `timeout` seconds; gives how it is then."""
        batch = Batch()
        with self._stream(batch_pb2.WatchBatchRequest(id=batch_id), timeout) as events:
            for event in events:
                batch = from_message(Batch, event.batch)
        return batch

    def cancel_document_batch(self, batch_id: str) -> Batch:
        """Stops a batch: what has not ended fails as `cancelled`, and what has been done stays."""
        return self._call(batch_pb2.CancelBatchRequest(id=batch_id), Batch)

    def download_document_batch(self, batch_id: str, target: BinaryIO) -> None:
        """Writes what came of a batch that has ended, one zip, as it comes."""
        with self._stream(batch_pb2.DownloadBatchRequest(id=batch_id)) as bodies:
            for body in bodies:
                target.write(body.data)

    def describe_template(
        self,
        template: bytes = b"",
        *,
        stored_template: str = "",
        previous: bytes = b"",
        stored_previous: str = "",
        skill: str = "",
        timeout: float | None = None,
    ) -> TemplateContract:
        """What a template asks for, and what changed since the version before; without a skill, as a Jinja template."""
        request = contract_pb2.DescribeTemplateRequest(
            template=template,
            stored_template=stored_template,
            previous_template=previous,
            previous_stored_template=stored_previous,
            skill=skill,
        )
        return self._call(request, TemplateContract, timeout=timeout)

    def get_document_run(self, run_id: str) -> Run:
        """One run, as it is on record."""
        return self._call(run_pb2.GetRunRequest(id=run_id), Run)

    def list_document_runs(
        self,
        *,
        skill: str = "",
        outcome: str = "",
        template_sha256: str = "",
        correlation_id: str = "",
        batch_id: str = "",
        limit: int | None = 50,
    ) -> list[Run]:
        """The newest runs for which all filters hold; `limit` None means all there are."""
        request = run_pb2.ListRunsRequest(
            skill=skill,
            outcome=outcome,
            template_sha256=template_sha256,
            correlation_id=correlation_id,
            batch_id=batch_id,
        )
        return self._list(request, Run, limit=limit)

    def download_document_run(self, run_id: str) -> bytes:
        """The archive of a run, a zip."""
        with self._stream(run_pb2.DownloadRunRequest(id=run_id)) as bodies:
            return b"".join([body.data for body in bodies])

    def store_template(self, name: str, template: bytes, *, shared_with: Sequence[str] = ()) -> Template:
        """Stores a template, or another version of it; of bytes that are there already, says which version they are."""
        start = template_pb2.StoreTemplateStart(name=name, shared_with=shared_with)
        return from_message(Template, self._upload(_parts(template, start), template_pb2.StoreTemplateRequest))

    def get_template(self, reference: str) -> Template:
        """One version of a template, by its id, `name@version`, or `name` for the newest version."""
        return self._call(template_pb2.GetTemplateRequest(id=reference), Template)

    def list_templates(self, *, name: str = "", sha256: str = "", limit: int | None = 50) -> list[Template]:
        """The newest versions for which all filters hold; `limit` None means all there are."""
        return self._list(template_pb2.ListTemplatesRequest(name=name, sha256=sha256), Template, limit=limit)

    def download_template(self, reference: str) -> bytes:
        """The bytes of a version, as they were stored."""
        with self._stream(template_pb2.DownloadTemplateRequest(id=reference)) as bodies:
            return b"".join([body.data for body in bodies])

    def delete_template(self, reference: str) -> None:
        """Deletes a version of a template of one's own."""
        self._send(template_pb2.DeleteTemplateRequest(id=reference))


def _parts(template: bytes, start: template_pb2.StoreTemplateStart) -> Iterator[template_pb2.StoreTemplateRequest]:
    yield template_pb2.StoreTemplateRequest(start=start)
    for at in range(0, len(template), PART_BYTES):
        yield template_pb2.StoreTemplateRequest(template=template[at : at + PART_BYTES])


def _requests(template: bytes, task: bytes, start: api.RunDocumentStart) -> Iterator[api.RunDocumentRequest]:
    yield api.RunDocumentRequest(start=start)
    for at in range(0, len(template), PART_BYTES):
        yield api.RunDocumentRequest(template=template[at : at + PART_BYTES])
    for at in range(0, len(task), PART_BYTES):
        yield api.RunDocumentRequest(task=task[at : at + PART_BYTES])
