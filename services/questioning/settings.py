"""The settings of the questioning service; those that every service has stand in servicekit."""

from pydantic import Field

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from the environment, prefix `QMCP_`."""

    # Goals that are kept compiled, so that a step of an interview need not read its schema or its bank again.
    questioning_compiled_goals: int = Field(default=64, ge=1)
