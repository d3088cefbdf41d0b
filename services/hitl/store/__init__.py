"""Every SQL statement of the service, a file a resource."""
