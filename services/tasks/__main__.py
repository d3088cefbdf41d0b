"""`python -m services.tasks [serve | migrate]`."""

from servicekit.launch import launch

launch("services.tasks")
