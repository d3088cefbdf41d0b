"""Settings have the names that the original's guide gives them, too."""

from typing import Any

import pytest

from services.metrics.settings import PROFILES, Settings
from tests.metrics.service import Start
from tests.wire import refusal, until

BY_THE_ORIGINALS_NAMES: dict[str, tuple[str, str, Any]] = {
    "OTEL_PROMETHEUS_ENABLED": ("false", "metrics_prometheus_enabled", False),
    "OTEL_PROMETHEUS_PORT": ("9999", "metrics_prometheus_port", 9999),
    "HISTOGRAM_BUCKET_BOUNDARIES": ("0.5,1,2", "metrics_histogram_buckets", (0.5, 1.0, 2.0)),
    "METRICS_MAX_LABEL_CARDINALITY": ("7", "metrics_max_label_cardinality", 7),
    "METRICS_MAX_LABEL_LENGTH": ("8", "metrics_max_label_length", 8),
    "OTEL_OTLP_ENDPOINT": ("http://collector:4318", "metrics_otlp_endpoint", "http://collector:4318"),
    "OTEL_OTLP_EXPORT_INTERVAL_MS": ("500", "metrics_otlp_export_interval_ms", 500),
    "OTEL_SERVICE_NAME": ("mine", "metrics_otlp_service_name", "mine"),
    "OTEL_EXPORTER_OTLP_HEADERS": ("a=b", "metrics_otlp_headers", "a=b"),
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": ("DELTA", "metrics_otlp_temporality", "delta"),
}


@pytest.mark.parametrize("name", BY_THE_ORIGINALS_NAMES)
def test_a_variable_of_the_original_sets_what_it_set_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given, field, wanted = BY_THE_ORIGINALS_NAMES[name]
    monkeypatch.setenv("QMCP_DATABASE_URL", "postgresql://127.0.0.1/qmcp_metrics")
    default = getattr(Settings(), field)
    monkeypatch.setenv(name, given)
    assert getattr(Settings(), field) == wanted != default


@pytest.mark.promise("M19")
async def test_a_profile_has_the_numbers_of_the_guide_and_what_is_set_itself_goes_before_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QMCP_DATABASE_URL", "postgresql://127.0.0.1/qmcp_metrics")

    def numbers(**variables: str) -> tuple[float, ...]:
        with monkeypatch.context() as set_for_now:
            for name, value in variables.items():
                set_for_now.setenv(name, value)
            read = Settings()
        return read.metrics_rate_limit, read.metrics_batch_size, read.metrics_flush_interval_seconds

    assert numbers() == (1000, 100, 30)
    guide = {"development": (100, 10, 5), "staging": (1000, 100, 15), "production": (5000, 500, 10)}
    assert {name: numbers(QMCP_METRICS_PROFILE=name) for name in PROFILES} == guide | {"tuning": (10_000, 1000, 5)}
    assert numbers(QMCP_METRICS_PROFILE="production", BATCH_SIZE="7", QMCP_METRICS_RATE_LIMIT="9") == (9, 7, 10)

    replica = await start(metrics_profile="development", metrics_rate_limit=1, metrics_flush_interval_seconds=600)
    await replica.ingest(*({} for _ in range(10)), ack="buffered")
    # Ten of them are enough; by the time they would wait for minutes.
    assert len(await until(replica.rows, 60)) == 10
    assert (await refusal(replica.ingest())).reason == "RATE_LIMITED"
