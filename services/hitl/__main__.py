"""`python -m services.hitl [serve | migrate]`."""

from servicekit.launch import launch

launch("services.hitl")
