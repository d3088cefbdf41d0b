"""`python -m services.questioning [serve | migrate]`."""

from servicekit.launch import launch

launch("services.questioning")
