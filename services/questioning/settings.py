"""The settings of the questioning service; those that every service has stand in servicekit."""

from pydantic import Field

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from the environment, prefix `QMCP_`."""

    # How much memory goals may take that are kept compiled, megabytes: a step of an interview need not read its schema
    # or its bank again. A goal that takes more is compiled for each step.
    questioning_compiled_megabytes: int = Field(default=128, ge=1)
