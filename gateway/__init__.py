"""The edge: Envoy in front of the services, and the few pages that no service of its own answers."""
