"""The SQL of webhooks and deliveries."""
