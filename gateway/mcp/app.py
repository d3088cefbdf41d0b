"""The endpoint as one ASGI application: who may ask is settled here, what is answered in server.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from mcp.server.lowlevel.server import Server
from mcp_types import SubscribeRequestParams, SubscriptionsListenRequestParams, UnsubscribeRequestParams
from prometheus_client import CollectorRegistry
from qmcp.options.v1 import options_pb2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.mcp.approvals import Approvals
from gateway.mcp.callers import SCOPE, Callers, RefusedError, challenge
from gateway.mcp.calls import Calls
from gateway.mcp.catalogue import Catalogue
from gateway.mcp.changes import Changes
from gateway.mcp.channels import Channels
from gateway.mcp.contract_tools import DOMAIN, ContractCalls, contract_tools
from gateway.mcp.failures import Failure
from gateway.mcp.invocations import Invocations
from gateway.mcp.observing import Observed
from gateway.mcp.prompts import Prompts
from gateway.mcp.request_state import request_state
from gateway.mcp.resources import Resources
from gateway.mcp.server import Answers, Handlers, server
from gateway.mcp.session_subscriptions import SessionSubscriptions
from gateway.mcp.sessions import HEADER, Sessions, Streams
from gateway.mcp.subscriptions import Subscriptions
from gateway.mcp.tasks import Tasks
from gateway.mcp.words import Words
from gateway.openapi.operations import HTTP_STATUS
from gateway.settings import McpSettings
from gateway.web.counting import Counted

PATH = "/mcp"
# RFC 9728: where a client learns who issues tokens for the resource at PATH.
METADATA_PATH = f"/.well-known/oauth-protected-resource{PATH}"
# A session's stream is opened by the one and the session ended by the other; without one there is neither.
OF_SESSIONS = ("GET", "DELETE")
# As long as the services let callers wait, and a little more.
WAIT_SECONDS = 330.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """The server of the protocol, and what it says without being asked."""

    server: Server[Any]
    streams: Streams
    # Set when the process is to end: streams that are held open would keep it.
    draining: asyncio.Event


def endpoint(settings: McpSettings, channels: Channels, registry: CollectorRegistry) -> Spoken:
    """The server of the protocol; the contract's tools are made once, here."""
    quick, long = float(settings.edge_timeout_seconds), float(settings.edge_long_timeout_seconds)
    seconds = {
        options_pb2.CALL_KIND_QUICK: quick,
        options_pb2.CALL_KIND_LONG: long,
        options_pb2.CALL_KIND_WAIT: WAIT_SECONDS,
    }
    invocations = Invocations(channels, quick_seconds=quick, long_seconds=long)
    approvals = Approvals(channels, seconds=quick)
    calls = Calls(
        invocations,
        approvals,
        long_seconds=long,
        wait_seconds=float(settings.mcp_wait_seconds),
        task_after_seconds=settings.mcp_task_after_seconds,
    )
    words = Words()
    contract = ContractCalls(channels, seconds)
    handlers = Handlers(
        Answers(contract_tools(), contract, Catalogue(channels, seconds=quick), calls, words),
        Tasks(invocations, approvals),
        Resources(contract),
        Prompts(channels, seconds=quick),
        words,
    )
    served = server(handlers, Observed(registry), request_state(settings.mcp_state_key_file))
    draining = asyncio.Event()
    changes = Changes(served, callers_of(settings, channels), draining, seconds=settings.mcp_watch_seconds)
    listening, subscribed = Subscriptions(changes), SessionSubscriptions(changes)
    served.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, listening.listen)
    served.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribed.subscribe)
    served.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, subscribed.unsubscribe)
    return Spoken(served, subscribed, draining)


def callers_of(settings: McpSettings, channels: Channels) -> Callers:
    """Who finds out who calls."""
    return Callers(channels, checked=settings.auth == "on", seconds=float(settings.edge_timeout_seconds))


def application(settings: McpSettings, registry: CollectorRegistry) -> Starlette:
    """Builds it."""
    channels = Channels(settings)
    return serving(settings, channels, endpoint(settings, channels, registry), registry)


def serving(settings: McpSettings, channels: Channels, spoken: Spoken, registry: CollectorRegistry) -> Starlette:
    """A server of the protocol over HTTP, for whom access lets in. `state.draining` of it: as in `Spoken`."""
    sessions = Sessions(spoken.server, spoken.streams, settings.max_body_bytes)
    callers = callers_of(settings, channels)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with sessions.run():
            yield
        await channels.close()

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "healthy"}, headers={"Cache-Control": "no-store"})

    async def resource(request: Request) -> Response:
        if not settings.oidc_issuer:
            return JSONResponse({"message": "No issuer of tokens is configured; API keys are taken."}, status_code=404)
        described = {
            "resource": f"{base_url(request)}{PATH}",
            "resource_name": "QMCP",
            "authorization_servers": [settings.oidc_issuer],
            "bearer_methods_supported": ["header"],
        }
        return JSONResponse(described, headers={"Cache-Control": "public, max-age=300"})

    app = Starlette(
        routes=[
            Route("/health", health),
            Route(METADATA_PATH, resource),
            Route(PATH, Endpoint(settings, callers, sessions)),
        ],
        middleware=[Middleware(Counted, registry=registry)],
        lifespan=lifespan,
    )
    app.state.draining = spoken.draining
    return app


class Endpoint:
    """PATH: lets in who may ask, and leaves for the rest who that is."""

    def __init__(self, settings: McpSettings, callers: Callers, sessions: Sessions) -> None:
        self._origins = {each.strip() for each in settings.cors_origins.split(",") if each.strip()}
        self._has_issuer = bool(settings.oidc_issuer)
        self._callers = callers
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Implements ASGI."""
        request = Request(scope)
        if refusal := await self._refusal(request):
            await refusal(scope, receive, send)
        else:
            await self._sessions.handle(scope, receive, send, scope[SCOPE])

    async def _refusal(self, request: Request) -> Response | None:
        origin = request.headers.get("origin", "")
        if origin and not self._is_let_in(origin, request):
            message = "No page of another site may call. QMCP_CORS_ORIGINS lists those that may."
            return _refused(Failure(grpc.StatusCode.PERMISSION_DENIED, message, "ORIGIN_NOT_ALLOWED", DOMAIN))
        if request.method != "POST" and not (request.method in OF_SESSIONS and HEADER in request.headers):
            return Response(status_code=405, headers={"Allow": ", ".join(("POST", *OF_SESSIONS))})
        try:
            caller = await self._callers.of(request)
        except RefusedError as error:
            return self._challenged(request, error.failure)
        if caller.permissions is None and HEADER in request.headers:
            message = "Nobody can say now whose session it is. Send it again in a few seconds."
            return _refused(Failure(grpc.StatusCode.UNAVAILABLE, message, "UNAVAILABLE", DOMAIN, retry_after=2.0))
        request.scope[SCOPE] = caller
        return None

    def _is_let_in(self, origin: str, request: Request) -> bool:
        return "*" in self._origins or origin in self._origins or origin == base_url(request)

    def _challenged(self, request: Request, failure: Failure) -> Response:
        answer = _refused(failure)
        if failure.code == grpc.StatusCode.UNAUTHENTICATED:
            metadata_url = f"{base_url(request)}{METADATA_PATH}" if self._has_issuer else ""
            answer.headers["WWW-Authenticate"] = challenge(request, metadata_url)
        return answer


def _refused(failure: Failure) -> Response:
    """An answer of HTTP, in the form that all of the edge's have: nothing was said in the protocol yet."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": failure.reason,
        "domain": failure.domain,
        "metadata": dict(failure.metadata),
    }
    code, _ = failure.code.value
    body = {"code": code, "message": failure.message, "details": [info]}
    headers = {} if failure.retry_after is None else {"Retry-After": str(max(1, round(failure.retry_after)))}
    return JSONResponse(body, status_code=HTTP_STATUS[failure.code.name], headers=headers)


def base_url(request: Request) -> str:
    """The origin by which the caller knows the edge: the edge tells the scheme, the caller the host."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    return f"{scheme}://{request.headers.get('host', '')}"
