"""How the backend refuses: an error with all the details that a service of ours gives."""

from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status


async def refuse(context, code, http_status):
    status = status_pb2.Status(code=getattr(code_pb2, code), message="told to fail")
    info = error_details_pb2.ErrorInfo(reason="TOLD_TO", domain="tools.qmcp", metadata={"request_id": "12345678"})
    status.details.add().Pack(info)
    if code == "RESOURCE_EXHAUSTED":
        wait = error_details_pb2.RetryInfo()
        wait.retry_delay.FromMilliseconds(2500)
        status.details.add().Pack(wait)
    verdict = rpc_status.to_status(status)
    extra = (("x-http-status", http_status),) if http_status else ()
    await context.abort(
        verdict.code, verdict.details, (*verdict.trailing_metadata, *extra, ("x-request-id", "trailing"))
    )
