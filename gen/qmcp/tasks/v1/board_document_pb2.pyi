from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BoardDocument(_message.Message):
    __slots__ = ("projects", "standalone_tasks")
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    STANDALONE_TASKS_FIELD_NUMBER: _ClassVar[int]
    projects: _containers.RepeatedCompositeFieldContainer[BoardProject]
    standalone_tasks: _containers.RepeatedCompositeFieldContainer[BoardTask]
    def __init__(self, projects: _Optional[_Iterable[_Union[BoardProject, _Mapping]]] = ..., standalone_tasks: _Optional[_Iterable[_Union[BoardTask, _Mapping]]] = ...) -> None: ...

class BoardProject(_message.Message):
    __slots__ = ("name", "description", "status", "members", "groups", "epics")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    EPICS_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    status: str
    members: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    epics: _containers.RepeatedCompositeFieldContainer[BoardEpic]
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., status: _Optional[str] = ..., members: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ..., epics: _Optional[_Iterable[_Union[BoardEpic, _Mapping]]] = ...) -> None: ...

class BoardEpic(_message.Message):
    __slots__ = ("name", "description", "status", "priority", "tasks")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    status: str
    priority: int
    tasks: _containers.RepeatedCompositeFieldContainer[BoardTask]
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., status: _Optional[str] = ..., priority: _Optional[int] = ..., tasks: _Optional[_Iterable[_Union[BoardTask, _Mapping]]] = ...) -> None: ...

class BoardTask(_message.Message):
    __slots__ = ("name", "status", "description", "priority", "ra_mode", "ra_score", "ra_tags", "ra_metadata", "tags", "metadata", "prompt_snapshot", "parallel_group", "parallel_eligible", "client_session_id", "resources", "max_attempts", "dependencies", "required_evidence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RA_MODE_FIELD_NUMBER: _ClassVar[int]
    RA_SCORE_FIELD_NUMBER: _ClassVar[int]
    RA_TAGS_FIELD_NUMBER: _ClassVar[int]
    RA_METADATA_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    PROMPT_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_GROUP_FIELD_NUMBER: _ClassVar[int]
    PARALLEL_ELIGIBLE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    status: str
    description: str
    priority: int
    ra_mode: str
    ra_score: int
    ra_tags: _containers.RepeatedScalarFieldContainer[str]
    ra_metadata: _struct_pb2.Struct
    tags: _containers.RepeatedScalarFieldContainer[str]
    metadata: _struct_pb2.Struct
    prompt_snapshot: str
    parallel_group: str
    parallel_eligible: bool
    client_session_id: str
    resources: _containers.RepeatedScalarFieldContainer[str]
    max_attempts: int
    dependencies: _containers.RepeatedCompositeFieldContainer[BoardDependency]
    required_evidence: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., status: _Optional[str] = ..., description: _Optional[str] = ..., priority: _Optional[int] = ..., ra_mode: _Optional[str] = ..., ra_score: _Optional[int] = ..., ra_tags: _Optional[_Iterable[str]] = ..., ra_metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., tags: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., prompt_snapshot: _Optional[str] = ..., parallel_group: _Optional[str] = ..., parallel_eligible: _Optional[bool] = ..., client_session_id: _Optional[str] = ..., resources: _Optional[_Iterable[str]] = ..., max_attempts: _Optional[int] = ..., dependencies: _Optional[_Iterable[_Union[BoardDependency, _Mapping]]] = ..., required_evidence: _Optional[_Iterable[str]] = ...) -> None: ...

class BoardDependency(_message.Message):
    __slots__ = ("name", "epic")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EPIC_FIELD_NUMBER: _ClassVar[int]
    name: str
    epic: str
    def __init__(self, name: _Optional[str] = ..., epic: _Optional[str] = ...) -> None: ...

class ImportProjectsRequest(_message.Message):
    __slots__ = ("yaml", "dry_run", "idempotency_key")
    YAML_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    yaml: str
    dry_run: bool
    idempotency_key: str
    def __init__(self, yaml: _Optional[str] = ..., dry_run: _Optional[bool] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class ImportedProjects(_message.Message):
    __slots__ = ("dry_run", "items", "created", "updated", "unchanged", "left")
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    dry_run: bool
    items: _containers.RepeatedCompositeFieldContainer[ImportedItem]
    created: int
    updated: int
    unchanged: int
    left: int
    def __init__(self, dry_run: _Optional[bool] = ..., items: _Optional[_Iterable[_Union[ImportedItem, _Mapping]]] = ..., created: _Optional[int] = ..., updated: _Optional[int] = ..., unchanged: _Optional[int] = ..., left: _Optional[int] = ...) -> None: ...

class ImportedItem(_message.Message):
    __slots__ = ("place", "kind", "name", "id", "action", "fields", "note")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    place: str
    kind: str
    name: str
    id: str
    action: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    note: str
    def __init__(self, place: _Optional[str] = ..., kind: _Optional[str] = ..., name: _Optional[str] = ..., id: _Optional[str] = ..., action: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ..., note: _Optional[str] = ...) -> None: ...

class ExportProjectsRequest(_message.Message):
    __slots__ = ("project_ids", "epic_id")
    PROJECT_IDS_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    project_ids: _containers.RepeatedScalarFieldContainer[str]
    epic_id: str
    def __init__(self, project_ids: _Optional[_Iterable[str]] = ..., epic_id: _Optional[str] = ...) -> None: ...

class ExportedProjects(_message.Message):
    __slots__ = ("yaml", "projects", "epics", "tasks")
    YAML_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    EPICS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    yaml: str
    projects: int
    epics: int
    tasks: int
    def __init__(self, yaml: _Optional[str] = ..., projects: _Optional[int] = ..., epics: _Optional[int] = ..., tasks: _Optional[int] = ...) -> None: ...
