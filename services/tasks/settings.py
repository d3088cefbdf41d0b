"""The settings of the tasks service; those that every service has stand in servicekit."""

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from the environment, prefix `QMCP_`."""
