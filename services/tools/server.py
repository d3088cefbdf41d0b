"""Composes the tools service: database, store → domain → servicer; what must be ready; what runs beside."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from uuid import UUID

from qmcp.tools.v1 import tools_service_pb2

from servicekit import call_buckets
from servicekit.forgetting import forgetting
from servicekit.group_commit import CommitMetrics
from servicekit.identity.authentication import authenticator
from servicekit.identity.detached_work import DetachedWork
from servicekit.leased_work import LeasedWork
from servicekit.metrics import MetricsPage, new_registry
from servicekit.notifications import Waiters, listening
from servicekit.partitions import keeping
from servicekit.postgres import database
from servicekit.row_ids import new_row_id
from servicekit.sealing import Sealer
from servicekit.server import Server, Service, background, serving
from servicekit.shares import Shares
from servicekit.ssrf import AddressPolicy
from services.tools.approval.approvals import Approvals
from services.tools.approval.decisions import Decisions
from services.tools.approval.grants import Grants
from services.tools.approval.proposals import Proposals
from services.tools.audit.archiving import Archiving
from services.tools.audit.awaiting import AwaitingApproval
from services.tools.audit.checkpoints import SigningKey, old_keys
from services.tools.audit.counting import OutcomeCounter
from services.tools.audit.history import History
from services.tools.audit.recording import Recorder
from services.tools.audit.retention import TABLES, Retention
from services.tools.audit.signing import CheckpointSigner
from services.tools.audit.store.leased import find_ended
from services.tools.catalogue import plugins
from services.tools.catalogue.catalogue import Catalogue
from services.tools.catalogue.credentials import Credentials
from services.tools.catalogue.grpc_tools.calls import GrpcCalls
from services.tools.catalogue.grpc_tools.channels import Channels
from services.tools.catalogue.grpc_tools.registration import GrpcRegistration
from services.tools.catalogue.http_tools import HttpTools
from services.tools.catalogue.loading import LoadedTools
from services.tools.catalogue.named_secrets import Secrets
from services.tools.catalogue.token_endpoint import TokenEndpoint
from services.tools.execution.active import ActiveInvocations
from services.tools.execution.cancellation import CancellationFollower, Cancellations
from services.tools.execution.detached import DetachedRuns
from services.tools.execution.earlier import EarlierInvocations
from services.tools.execution.execution import Execution
from services.tools.execution.lease import Lease
from services.tools.execution.reconciling import Reconciling
from services.tools.execution.runner import Runner
from services.tools.execution.slots import Slots
from services.tools.execution.sweep import Sweep
from services.tools.imports.importing import Imports
from services.tools.limits.limits import Limits
from services.tools.mcp_servers.commands import commands
from services.tools.mcp_servers.connections import McpConnections
from services.tools.mcp_servers.federation import Federation
from services.tools.mcp_servers.links import Links
from services.tools.mcp_servers.servers import McpServers
from services.tools.metrics import ToolMetrics
from services.tools.peers import access, hitl, leases
from services.tools.servicer import INVOKING, ToolsServicer
from services.tools.settings import Settings
from services.tools.upstreams.connections import Ways
from services.tools.upstreams.profiles import TransportProfiles
from services.tools.upstreams.renewals import Renewals

__all__ = ["Settings", "compose"]

DESCRIPTOR = tools_service_pb2.DESCRIPTOR.services_by_name["ToolsService"]


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Server]:
    """Everything the service is made of, serving while the block lasts."""
    key = SigningKey.load(settings.tools_receipt_key_file)
    previous_keys = old_keys(settings.tools_receipt_old_keys_file)
    registry = new_registry()
    waiters = Waiters()
    awaiting = AwaitingApproval()
    replica: UUID = new_row_id()
    secrets = Secrets(settings.tools_secrets_dir)
    ways = _ways(settings, secrets)
    sealer = Sealer.load(settings.tools_secrets_key_file, "QMCP_TOOLS_SECRETS_KEY_FILE")
    functions = plugins.load()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(settings.tools_threads, "tool"))

    async with (
        database(
            settings.database_url,
            settings.database_pool_size,
            "qmcp-tools",
            long_reads=settings.database_long_reads,
            registry=registry,
        ) as db,
        aclosing(Credentials(secrets, TokenEndpoint(ways), Renewals(db, sealer, replica))) as credentials,
        aclosing(
            HttpTools(ways, credentials, settings.tools_max_response_bytes, settings.tools_caller_headers)
        ) as http_tools,
        aclosing(Channels(ways)) as grpc_channels,
        aclosing(_mcp_connections(settings, ways, credentials)) as mcp_connections,
        hitl(settings, settings.hitl_address) as humans,
        leases(settings, settings.tasks_address) as holders,
        access(settings) as resolver,
    ):
        leased = LeasedWork(db, holders, "invocation", find_ended)
        active = ActiveInvocations(db, waiters, secrets.mask, leased)
        metrics = ToolMetrics(registry, active)
        # What there is to run.
        calls = GrpcCalls(grpc_channels, credentials, settings.tools_max_response_bytes)
        tools = LoadedTools(db, functions, http_tools, calls, mcp_connections)
        catalogue = Catalogue(db, functions, http_tools, GrpcRegistration(grpc_channels, credentials), tools)
        imports = Imports(db, http_tools, secrets, tools)
        federation = Federation(db, replica, mcp_connections, tools, metrics)
        servers = McpServers(db, tools, mcp_connections, federation)
        # What is put on record.
        recorder = Recorder(db, replica, CommitMetrics(registry), awaiting)
        history = History(db, waiters, [key.public, *previous_keys])
        signer = CheckpointSigner(
            db, recorder, key, settings.tools_checkpoint_seconds, settings.tools_checkpoint_rows, metrics
        )
        archiving = Archiving(db, key)
        retention = Retention(
            archiving,
            settings.tools_idempotency_days,
            settings.tools_audit_days,
            drop_unarchived=settings.tools_audit_drop_unarchived,
        )
        # What runs.
        lease, sweep = (
            Lease(db, replica, settings.tools_lease_seconds, active),
            Sweep(db, replica, settings.tools_lease_seconds, recorder, metrics),
        )
        shares = Shares.under(settings)
        work = DetachedWork(resolver, settings.access_stale_seconds)
        detached = DetachedRuns(shares, work)
        runner = Runner(recorder, active, Slots(settings.tools_queue_per_slot), lease, metrics, detached)
        grants, limits = Grants(db), Limits(db)
        execution = Execution(EarlierInvocations(db, waiters), tools, recorder, runner, detached, grants, limits)
        follower = CancellationFollower(db, active, recorder)
        # What waits for humans.
        decisions = Decisions(db, tools, recorder, runner, metrics, resolver, grants)
        approvals = Approvals(
            db, humans, tools, decisions, awaiting, metrics, Proposals(db, settings.tools_propose_grant_after)
        )
        cancellations = Cancellations(db, waiters, history, approvals.cancel)

        servicer = ToolsServicer(
            catalogue, execution, cancellations, history, archiving, key, servers, imports, grants, limits
        )
        channels = {
            "tools_changed": tools.forget,
            "mcp_servers_changed": lambda _: mcp_connections.news.set(),
            "invocations": waiters.wake,
            "cancellations": follower.tell,
            "tool_limits_changed": lambda _: limits.news.set(),
        }
        loops = {
            "heartbeats": lease.keep,
            "sweep": sweep.run,
            "checkpoints": signer.run,
            "counting": OutcomeCounter(db).run,
            "cancellations": follower.follow,
            "access": work.follow,
            "approvals": approvals.attend,
            "leases": leased.follow,
            "reconciling": Reconciling(db, tools, runner).run,
            "catalogue": tools.follow,
            "limits": limits.follow,
            "mcp servers": federation.follow,
            "forgetting": forgetting(db, retention.forget_keys, call_buckets.forget),
            "partitions": keeping(db, TABLES, retention.drop),
        }
        await credentials.reseal()
        await catalogue.register_plugins()
        await limits.load()
        await lease.renew()
        async with (
            recorder.recording(),
            runner.running(settings.shutdown_grace_seconds),
            listening(settings.database_url, channels),
            background(loops),
            authenticator(settings, resolver, registry, told=work.tell) as who,
            serving(
                settings,
                [Service(DESCRIPTOR, servicer, dict.fromkeys(INVOKING, servicer.refused))],
                authenticator=who,
                registry=registry,
                checks={"postgres": db.ready, "audit": recorder.ready, "lease": lease.ready},
                shares=shares,
            ) as server,
        ):
            with MetricsPage(registry, settings.metrics_host, settings.metrics_port):
                yield server
                runner.stop()
        await lease.give_up()


def _ways(settings: Settings, secrets: Secrets) -> Ways:
    profiles = TransportProfiles.load(settings.tools_transport_profiles_file)
    return Ways(AddressPolicy(settings.tools_allowed_networks), profiles, secrets.fill)


def _mcp_connections(settings: Settings, ways: Ways, credentials: Credentials) -> McpConnections:
    links = Links(
        ways,
        credentials,
        commands(settings.tools_stdio_commands_file),
        settings.tools_max_response_bytes,
        settings.tools_stdio_max_memory_bytes,
    )
    return McpConnections(links, settings.tools_mcp_refresh_seconds)
