"""`python -m services.tools [serve | migrate]`."""

from servicekit.launch import launch

launch("services.tools")
