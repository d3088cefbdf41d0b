"""Tools that are methods of gRPC servers: asked by reflection what they are, and called."""
