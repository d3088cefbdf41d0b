"""Domain to protobuf and back, a file a resource."""
