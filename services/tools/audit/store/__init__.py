"""Every SQL statement of the service, one async function a statement, taking a connection and returning models."""
