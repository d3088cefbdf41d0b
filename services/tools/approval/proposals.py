"""Proposals: after some equal approvals whoever decides next is told of a grant that would do."""

import orjson
from google.protobuf.struct_pb2 import Struct

from servicekit.errors import ServiceError
from servicekit.json_values import document, fill_struct, is_deeper
from servicekit.postgres import Database
from services.tools.approval.grants import MAX_SCHEMA_BYTES
from services.tools.approval.store import proposals as store
from services.tools.audit.canonical import parsed
from services.tools.catalogue.loading import LoadedTool
from services.tools.models import ApprovalPolicy, Intent, Json, Proposal

# What is proposed; whoever decides may answer with more or less.
USES = 20
DURATION_SECONDS = 7 * 86_400
# Of the schema around the arguments, within the levels that a grant may have.
MAX_LEVELS = 28


class Proposals:
    """Counts equal approvals."""

    def __init__(self, database: Database, after: int) -> None:
        """Takes after how many approvals a grant is proposed; 0: never."""
        self._database = database
        self._after = after

    async def about(self, intent: Intent, loaded: LoadedTool, policy: ApprovalPolicy) -> Proposal | None:
        """What is proposed with the request about an invocation; None: nothing."""
        if not self._after or policy.required > 1:
            return None
        assert intent.input_params is not None
        if len(intent.input_params) > MAX_SCHEMA_BYTES:
            return None
        schema = loaded.only(parsed(intent.input_params))
        if schema is None or not _is_carried(schema):
            return None
        async with self._database.connection() as connection:
            approvals = await store.count_equal(connection, intent)
        return Proposal(schema, USES, DURATION_SECONDS, approvals) if approvals >= self._after else None


def _is_carried(schema: dict[str, Json]) -> bool:
    """Whether a grant can hold the schema exactly: numbers of a Struct have 53 bits."""
    carried = Struct()
    try:
        if is_deeper(schema, MAX_LEVELS) or len(orjson.dumps(schema)) > MAX_SCHEMA_BYTES:
            return False
        fill_struct(carried, schema)
        return document(carried, "arguments") == schema
    except (ServiceError, TypeError, ValueError):
        return False
