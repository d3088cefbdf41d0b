"""Domain and protobuf, in both directions."""
