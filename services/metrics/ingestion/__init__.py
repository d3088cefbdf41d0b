"""Takes events in: judges each by itself, and acknowledges what it accepts once that is durable."""
