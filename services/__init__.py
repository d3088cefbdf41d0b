"""One folder = one deployable = one database = one proto package."""
