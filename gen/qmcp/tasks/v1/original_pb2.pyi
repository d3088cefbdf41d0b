import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from qmcp.options.v1 import options_pb2 as _options_pb2
from qmcp.tasks.v1 import epic_pb2 as _epic_pb2
from qmcp.tasks.v1 import project_pb2 as _project_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetBoardHealthRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BoardHealth(_message.Message):
    __slots__ = ("status", "database_connected", "active_websocket_connections", "timestamp")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DATABASE_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_WEBSOCKET_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    status: str
    database_connected: bool
    active_websocket_connections: int
    timestamp: str
    def __init__(self, status: _Optional[str] = ..., database_connected: _Optional[bool] = ..., active_websocket_connections: _Optional[int] = ..., timestamp: _Optional[str] = ...) -> None: ...

class GetBoardMetricsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BoardConnections(_message.Message):
    __slots__ = ("active", "total_opened", "healthy", "max_capacity", "total_broadcasts", "avg_connection_age_seconds")
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_OPENED_FIELD_NUMBER: _ClassVar[int]
    HEALTHY_FIELD_NUMBER: _ClassVar[int]
    MAX_CAPACITY_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BROADCASTS_FIELD_NUMBER: _ClassVar[int]
    AVG_CONNECTION_AGE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    active: int
    total_opened: int
    healthy: int
    max_capacity: int
    total_broadcasts: int
    avg_connection_age_seconds: float
    def __init__(self, active: _Optional[int] = ..., total_opened: _Optional[int] = ..., healthy: _Optional[int] = ..., max_capacity: _Optional[int] = ..., total_broadcasts: _Optional[int] = ..., avg_connection_age_seconds: _Optional[float] = ...) -> None: ...

class BoardTaskCounts(_message.Message):
    __slots__ = ("total", "locked", "completed_today", "available")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    LOCKED_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_TODAY_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    total: int
    locked: int
    completed_today: int
    available: int
    def __init__(self, total: _Optional[int] = ..., locked: _Optional[int] = ..., completed_today: _Optional[int] = ..., available: _Optional[int] = ...) -> None: ...

class BoardPerformance(_message.Message):
    __slots__ = ("avg_query_time_ms", "avg_broadcast_time_ms", "avg_broadcast_per_connection_ms")
    AVG_QUERY_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    AVG_BROADCAST_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    AVG_BROADCAST_PER_CONNECTION_MS_FIELD_NUMBER: _ClassVar[int]
    avg_query_time_ms: float
    avg_broadcast_time_ms: float
    avg_broadcast_per_connection_ms: float
    def __init__(self, avg_query_time_ms: _Optional[float] = ..., avg_broadcast_time_ms: _Optional[float] = ..., avg_broadcast_per_connection_ms: _Optional[float] = ...) -> None: ...

class BoardLocks(_message.Message):
    __slots__ = ("active", "expired", "acquired_today", "cleaned_today", "conflicts", "utilization_percent")
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_FIELD_NUMBER: _ClassVar[int]
    ACQUIRED_TODAY_FIELD_NUMBER: _ClassVar[int]
    CLEANED_TODAY_FIELD_NUMBER: _ClassVar[int]
    CONFLICTS_FIELD_NUMBER: _ClassVar[int]
    UTILIZATION_PERCENT_FIELD_NUMBER: _ClassVar[int]
    active: int
    expired: int
    acquired_today: int
    cleaned_today: int
    conflicts: int
    utilization_percent: float
    def __init__(self, active: _Optional[int] = ..., expired: _Optional[int] = ..., acquired_today: _Optional[int] = ..., cleaned_today: _Optional[int] = ..., conflicts: _Optional[int] = ..., utilization_percent: _Optional[float] = ...) -> None: ...

class BoardProcess(_message.Message):
    __slots__ = ("memory_usage_mb", "cpu_usage_percent", "last_lock_cleanup", "uptime_seconds")
    MEMORY_USAGE_MB_FIELD_NUMBER: _ClassVar[int]
    CPU_USAGE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    LAST_LOCK_CLEANUP_FIELD_NUMBER: _ClassVar[int]
    UPTIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    memory_usage_mb: float
    cpu_usage_percent: float
    last_lock_cleanup: str
    uptime_seconds: float
    def __init__(self, memory_usage_mb: _Optional[float] = ..., cpu_usage_percent: _Optional[float] = ..., last_lock_cleanup: _Optional[str] = ..., uptime_seconds: _Optional[float] = ...) -> None: ...

class BoardMetrics(_message.Message):
    __slots__ = ("connections", "tasks", "performance", "locks", "system")
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    PERFORMANCE_FIELD_NUMBER: _ClassVar[int]
    LOCKS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    connections: BoardConnections
    tasks: BoardTaskCounts
    performance: BoardPerformance
    locks: BoardLocks
    system: BoardProcess
    def __init__(self, connections: _Optional[_Union[BoardConnections, _Mapping]] = ..., tasks: _Optional[_Union[BoardTaskCounts, _Mapping]] = ..., performance: _Optional[_Union[BoardPerformance, _Mapping]] = ..., locks: _Optional[_Union[BoardLocks, _Mapping]] = ..., system: _Optional[_Union[BoardProcess, _Mapping]] = ...) -> None: ...

class GetBoardStateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BoardStateTask(_message.Message):
    __slots__ = ("id", "name", "description", "status", "epic_id", "epic_name", "project_id", "project_name", "lock_holder", "lock_expires_at", "ra_mode", "ra_score", "ra_tags", "dependencies", "created_at", "updated_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EPIC_ID_FIELD_NUMBER: _ClassVar[int]
    EPIC_NAME_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_NAME_FIELD_NUMBER: _ClassVar[int]
    LOCK_HOLDER_FIELD_NUMBER: _ClassVar[int]
    LOCK_EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    RA_MODE_FIELD_NUMBER: _ClassVar[int]
    RA_SCORE_FIELD_NUMBER: _ClassVar[int]
    RA_TAGS_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    description: str
    status: str
    epic_id: str
    epic_name: str
    project_id: str
    project_name: str
    lock_holder: str
    lock_expires_at: _timestamp_pb2.Timestamp
    ra_mode: str
    ra_score: int
    ra_tags: _containers.RepeatedScalarFieldContainer[str]
    dependencies: _containers.RepeatedScalarFieldContainer[str]
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., status: _Optional[str] = ..., epic_id: _Optional[str] = ..., epic_name: _Optional[str] = ..., project_id: _Optional[str] = ..., project_name: _Optional[str] = ..., lock_holder: _Optional[str] = ..., lock_expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ra_mode: _Optional[str] = ..., ra_score: _Optional[int] = ..., ra_tags: _Optional[_Iterable[str]] = ..., dependencies: _Optional[_Iterable[str]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class BoardState(_message.Message):
    __slots__ = ("tasks", "epics", "projects", "truncated")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    EPICS_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[BoardStateTask]
    epics: _containers.RepeatedCompositeFieldContainer[_epic_pb2.Epic]
    projects: _containers.RepeatedCompositeFieldContainer[_project_pb2.Project]
    truncated: bool
    def __init__(self, tasks: _Optional[_Iterable[_Union[BoardStateTask, _Mapping]]] = ..., epics: _Optional[_Iterable[_Union[_epic_pb2.Epic, _Mapping]]] = ..., projects: _Optional[_Iterable[_Union[_project_pb2.Project, _Mapping]]] = ..., truncated: _Optional[bool] = ...) -> None: ...

class SetTaskStatusRequest(_message.Message):
    __slots__ = ("id", "status", "agent_id", "idempotency_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    status: str
    agent_id: str
    idempotency_key: str
    def __init__(self, id: _Optional[str] = ..., status: _Optional[str] = ..., agent_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class SetTaskStatusResponse(_message.Message):
    __slots__ = ("success", "status")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    status: str
    def __init__(self, success: _Optional[bool] = ..., status: _Optional[str] = ...) -> None: ...

class UnlockTaskRequest(_message.Message):
    __slots__ = ("id", "agent_id", "idempotency_key")
    ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    id: str
    agent_id: str
    idempotency_key: str
    def __init__(self, id: _Optional[str] = ..., agent_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class UnlockTaskResponse(_message.Message):
    __slots__ = ("success",)
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    success: bool
    def __init__(self, success: _Optional[bool] = ...) -> None: ...

class ReadTaskDetailsRequest(_message.Message):
    __slots__ = ("task_id", "log_limit", "before_seq")
    TASK_ID_FIELD_NUMBER: _ClassVar[int]
    LOG_LIMIT_FIELD_NUMBER: _ClassVar[int]
    BEFORE_SEQ_FIELD_NUMBER: _ClassVar[int]
    task_id: str
    log_limit: int
    before_seq: int
    def __init__(self, task_id: _Optional[str] = ..., log_limit: _Optional[int] = ..., before_seq: _Optional[int] = ...) -> None: ...

class ReadTaskDetailsResponse(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: str
    def __init__(self, result: _Optional[str] = ...) -> None: ...
