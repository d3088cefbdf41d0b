"""How much an export may hold, counted before anything looks at it: 4 MB hold two million points of nothing."""

from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

# Of data points; collectors send 8,192 at a time unless they are told otherwise.
MAX_POINTS = 50_000
# Of all messages in an export: points, attributes, their values, and what they stand in.
MAX_MESSAGES = 400_000
# Of values in JSON, of which numbers and texts are some, too.
MAX_JSON_VALUES = 1_000_000


def holds_too_many_messages(export: ExportMetricsServiceRequest) -> bool:
    """Whether there are more than it may hold; counted no further."""
    count, waiting = 0, [export]
    while waiting:
        message: Any = waiting.pop()
        for field, value in message.ListFields():
            if field.message_type is not None:
                inner = value if field.is_repeated else (value,)
                count += len(inner)
                if count > MAX_MESSAGES:
                    return True
                waiting.extend(inner)
    return False
