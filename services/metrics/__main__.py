"""`python -m services.metrics [serve | migrate]`."""

from servicekit.launch import launch

launch("services.metrics")
