"""SQL of the approval room, a file a resource: approvals in hand, grants."""
