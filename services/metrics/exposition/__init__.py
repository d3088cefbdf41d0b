"""What leaves by Prometheus and OTLP: the original's instruments, with labels whose number is bounded."""
