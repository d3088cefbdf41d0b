"""Documents, in the client: templates filled, runs and their archives, and archives verified without a server."""
