"""Settings have the names that the original's guide gives them, too."""

from typing import Any

import pytest

from services.metrics.settings import Settings

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
