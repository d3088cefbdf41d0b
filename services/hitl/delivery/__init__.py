"""Others are told of events by HTTP: webhooks, and the callbacks of requests."""
