"""What every service needs in order to be a service; it knows no service."""
