"""`python -m services.access [serve | migrate]`."""

from servicekit.launch import launch

launch("services.access")
