"""What every RPC declares: a binding to HTTP, a permission, and what makes it safe to page and to retry."""

import re

import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from qmcp.options.v1 import options_pb2

from tests.api import descriptors
from tests.assertions import every

METHODS = {method.full_name: method for method in descriptors.methods()}
BODYLESS = {"get", "delete"}
VERB = re.compile(r"^[a-z]+$")
RAW = "google.api.HttpBody"
PLACEHOLDER = re.compile(r"\{([a-z_.]+)(?:=[^}]*)?\}")
STANDARD = re.compile(r"^(Get|List|Create|Update|Delete)[A-Z]")
MAX_PAGE_SIZE = 500
MAX_REQUEST_ID = 128

# These change something, are not IDEMPOTENT, and need no idempotency_key all the same.
ENDING_ONCE = {
    "qmcp.tools.v1.ToolsService.CancelInvocation": "an invocation ends once; the second call is told INVOCATION_ENDED",
    "qmcp.tools.v1.ToolsService.RedactInvocation": "what is erased stays erased, and each time is recorded",
    "qmcp.hitl.v1.HitlService.CancelHumanRequest": "it ends once; the second call is told HUMAN_REQUEST_ENDED",
    "qmcp.hitl.v1.HitlService.AnswerActionLink": "a link answers once; the second call is told LINK_NOT_VALID",
    "qmcp.hitl.v1.HitlService.UpdateWebhook": "the webhook is then as the request says, but a secret is made each time",
    "qmcp.metrics.v1.MetricsService.UpdateMonitor": "the monitor is then as the request says, but a secret is made each time",
    "qmcp.documents.v1.DocumentsService.RunForm": "a form has no such field; its header Idempotency-Key does the same",
    "qmcp.documents.v1.DocumentsService.RunDocument": "its options have one: the request is one part of several",
    **{
        f"qmcp.tasks.v1.TasksService.{verb}PlanningFile": "it moves once; the second call is told PLANNING_FILE_NOT_FOUND"
        for verb in ("Archive", "Unarchive")
    },
    "qmcp.access.v1.AccessService.ReportUse": "a report that is heard twice counts twice, and nobody waits for it",
}
# `self`: about the caller. `anyone`: the request itself holds what admits the caller. `resolve`: what services ask
# about callers. `fence`: what they ask about leases, and tell of what is done under them.
READING_VERBS = {"read", "self", "resolve"}
GETTING_VERBS = {"read", "self", "anyone"}
# GETs that tell administrators what others may not know; like all GETs, they change nothing.
FOR_ADMINISTRATORS = {
    f"qmcp.metrics.v1.MetricsService.{name}": "the original's route is a GET"
    for name in ("PreviewRetention", "GetRetentionPolicies", "GetDatabaseStats", "GetDatabaseSize")
} | {
    f"qmcp.tools.v1.ToolsService.{name}": "limits name callers and tools that not everybody who reads may see"
    for name in ("ListToolLimits", "GetToolLimit")
}
# Only services call these: the edge leads nowhere near them.
BETWEEN_SERVICES = {
    name for name, method in METHODS.items() if descriptors.permission(method).endswith((".resolve", ".fence"))
}
# What has no form in HTTP.
GRPC_ONLY = {name for name, method in METHODS.items() if descriptors.declared(method, options_pb2.grpc_only)}
# What they return instead of the resource, and why.
OTHER_ANSWERS = {
    "qmcp.access.v1.AccessService.CreateKey": ("IssuedKey", "the secret is shown this once and is no part of the key"),
    "qmcp.hitl.v1.HitlService.GetHumanRequest": ("GetHumanRequestResponse", "the original's clients poll this form"),
    **{
        f"qmcp.tasks.v1.TasksService.Delete{what}": ("DeletedCounts", "how much went with it, as the original told it")
        for what in ("Project", "Epic", "Task")
    },
}

every_method = every(METHODS)
STANDARDS = {
    name: (method, match[1]) for name, method in METHODS.items() if (match := STANDARD.match(method.name)) is not None
}
LISTS = {name: method for name, (method, verb) in STANDARDS.items() if verb == "List"}


@every_method
def test_an_rpc_has_an_http_binding(method: MethodDescriptor) -> None:
    rule = descriptors.http(method)
    verb = rule.WhichOneof("pattern")
    if method.full_name in BETWEEN_SERVICES | GRPC_ONLY:
        assert verb is None, "what only services call has no place on the edge, and a stream of requests none in HTTP"
        assert method.client_streaming == (method.full_name in GRPC_ONLY)
        return
    assert verb is not None, "declare google.api.http"
    path = getattr(rule, verb)
    assert path.startswith("/v1/")
    assert bool(rule.body) == (verb not in BODYLESS), "a GET and a DELETE have no body, the others have one"
    for placeholder in PLACEHOLDER.findall(path):
        message = method.input_type
        *outer, last = placeholder.split(".")
        for name in outer:
            message = message.fields_by_name[name].message_type
        assert last in message.fields_by_name, f"{path} names a field that the request lacks"


def test_no_two_rpcs_have_the_same_binding() -> None:
    seen: dict[tuple[str, str], str] = {}
    for method in METHODS.values():
        rule = descriptors.http(method)
        if method.full_name in BETWEEN_SERVICES | GRPC_ONLY:
            continue
        for each in (rule, *rule.additional_bindings):
            verb = str(each.WhichOneof("pattern"))
            key = verb, PLACEHOLDER.sub("{}", getattr(each, verb))
            assert key not in seen, f"{method.full_name} and {seen[key]} share {key}"
            seen[key] = method.full_name


@every_method
def test_an_rpc_demands_a_permission_of_its_own_service(method: MethodDescriptor) -> None:
    service, _, verb = descriptors.permission(method).partition(".")
    assert service == method.containing_service.file.package.split(".")[1]
    assert VERB.fullmatch(verb), "the permission is <service>.<verb>"


@every_method
def test_an_rpc_says_how_long_it_may_take(method: MethodDescriptor) -> None:
    kind = options_pb2.CallKind.Name(descriptors.declared(method, options_pb2.call_kind))
    assert kind != "CALL_KIND_UNSPECIFIED"
    assert (kind == "CALL_KIND_STREAM") == (method.server_streaming or method.client_streaming)
    # The edge asks another replica when the first leaves in the middle of a wait.
    assert kind != "CALL_KIND_WAIT" or descriptors.idempotency_level(method) == "NO_SIDE_EFFECTS"


@every_method
def test_an_rpc_says_whether_it_may_be_repeated(method: MethodDescriptor) -> None:
    """`NO_SIDE_EFFECTS` of reads; of others only what no `idempotency_key` has to make so."""
    level = descriptors.idempotency_level(method)
    is_get = descriptors.http(method).WhichOneof("pattern") == "get"
    assert level == "NO_SIDE_EFFECTS" or not is_get
    assert level != "NO_SIDE_EFFECTS" or is_get or descriptors.permission(method).endswith((".read", ".resolve"))
    assert level != "IDEMPOTENT" or "idempotency_key" not in method.input_type.fields_by_name


CREDENTIALS = [m for m in METHODS.values() if descriptors.declared(m, options_pb2.path_credential)]


@pytest.mark.parametrize("method", CREDENTIALS, ids=lambda method: method.name)
def test_a_credential_in_a_path_is_its_last_segment(method: MethodDescriptor) -> None:
    """So that what stands before it tells the edge which paths it must not write down."""
    rule = descriptors.http(method)
    field = descriptors.declared(method, options_pb2.path_credential)
    assert getattr(rule, str(rule.WhichOneof("pattern"))).endswith(f"/{{{field}}}")
    assert not rule.additional_bindings


def test_the_original_routes_are_bindings_of_the_rpcs_that_keep_them() -> None:
    kept = [
        (route, method)
        for method in METHODS.values()
        for route in descriptors.declared(method, options_pb2.original_route)
    ]
    assert kept
    for route, method in kept:
        first = descriptors.http(method)
        bound = [
            f"{str(verb).upper()} {PLACEHOLDER.sub('{}', getattr(rule, str(verb)))}"
            for rule in (first, *first.additional_bindings)
            for verb in (rule.WhichOneof("pattern"),)
        ]
        assert PLACEHOLDER.sub("{}", route) in bound, f"{method.full_name} does not answer {route}"


@every_method
def test_statuses_of_success_are_what_http_calls_so(method: MethodDescriptor) -> None:
    statuses = list(descriptors.declared(method, options_pb2.success_status))
    assert set(statuses) <= {200, 201, 202, 204}
    assert statuses != [200], "that is the default"
    assert 201 in statuses or not method.name.startswith("Create")


@every_method
def test_bodies_that_are_passed_on_say_of_what_type_they_are(method: MethodDescriptor) -> None:
    body = method.input_type.fields_by_name.get(descriptors.http(method).body)
    taken = method.input_type if descriptors.http(method).body == "*" else body and body.message_type
    raw = taken is not None and taken.full_name == RAW
    assert bool(descriptors.declared(method, options_pb2.request_content_type)) == raw
    assert bool(descriptors.declared(method, options_pb2.response_content_type)) == (
        method.output_type.full_name == RAW
    )


@every_method
def test_what_only_reads_is_a_get_or_computes(method: MethodDescriptor) -> None:
    reads = descriptors.permission(method).partition(".")[2] in GETTING_VERBS
    is_get = descriptors.http(method).WhichOneof("pattern") == "get"
    assert not is_get or reads or method.full_name in FOR_ADMINISTRATORS, (
        "a GET must not need more than .read, since browsers and proxies repeat it at will"
    )
    assert not method.name.startswith(("Get", "List")) or is_get


@every(STANDARDS)
def test_a_standard_method_returns_the_resource(standard: tuple[MethodDescriptor, str]) -> None:
    method, verb = standard
    noun = method.name.removeprefix(verb)
    returned = method.output_type.name
    expected, _ = OTHER_ANSWERS.get(method.full_name, ("", ""))
    expected = expected or {"List": f"{method.name}Response", "Delete": "Empty"}.get(verb, noun)
    assert returned == expected
    assert method.input_type.name == f"{method.name}Request"


@every(LISTS)
def test_a_list_can_be_paged(method: MethodDescriptor) -> None:
    request, response = method.input_type.fields_by_name, method.output_type.fields_by_name
    size = descriptors.rules(request["page_size"]).int32
    assert (size.gte, size.lte) == (0, MAX_PAGE_SIZE)
    assert request["page_token"].type == FieldDescriptor.TYPE_STRING
    assert response["next_page_token"].type == FieldDescriptor.TYPE_STRING
    repeated = [field for field in method.output_type.fields if field.is_repeated]
    assert len(repeated) == 1, "one page holds one kind of thing"
    assert repeated[0].number == 1


@every_method
def test_what_creates_or_triggers_takes_a_request_id(method: MethodDescriptor) -> None:
    verb = descriptors.permission(method).partition(".")[2]
    field = method.input_type.fields_by_name.get("idempotency_key")
    reads = verb in READING_VERBS or descriptors.http(method).WhichOneof("pattern") == "get"
    repeatable = descriptors.idempotency_level(method) == "IDEMPOTENT"
    # What is deleted stays deleted; the second call is told that there is none.
    reasons = descriptors.declared(method, options_pb2.error_reason)
    deletes = method.name.startswith("Delete") and any(reason.endswith("_NOT_FOUND") for reason in reasons)
    if reads or repeatable or deletes or method.full_name in ENDING_ONCE:
        assert field is None, "an idempotency_key that does nothing would deceive"
        return
    assert field is not None, "a caller that hears no answer must be able to ask again"
    assert descriptors.rules(field).string.max_len == MAX_REQUEST_ID


def test_no_exception_outlives_its_rpc() -> None:
    assert set(ENDING_ONCE) | set(OTHER_ANSWERS) | set(FOR_ADMINISTRATORS) <= set(METHODS)


def test_what_has_no_place_on_the_edge_has_a_permission_that_only_services_have() -> None:
    away = {name for name, method in METHODS.items() if not descriptors.http(method).WhichOneof("pattern")}
    assert away == BETWEEN_SERVICES | GRPC_ONLY


def test_a_service_is_named_after_its_package() -> None:
    for service in descriptors.services():
        _, name, version = service.file.package.split(".")
        assert service.full_name == f"qmcp.{name}.{version}.{name.capitalize()}Service"
        assert service.file.name == f"qmcp/{name}/{version}/{name}_service.proto"
