"""OpenTelemetry metrics in: what an SDK or a collector exports becomes what happened in each interval, once."""
