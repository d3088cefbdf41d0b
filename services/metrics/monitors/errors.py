"""What stops an action that another service is to do."""


class AwayError(Exception):
    """A service does not answer now: worth another try later."""


class RefusedError(Exception):
    """A service has refused for good."""
