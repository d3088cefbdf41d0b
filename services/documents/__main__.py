"""`python -m services.documents [serve | migrate]`."""

from servicekit.launch import launch

launch("services.documents")
