"""How often tools may be invoked, over all replicas: what administrators say, and what it leaves whom."""
