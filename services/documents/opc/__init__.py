"""Templates as packages of parts: what is refused before anything is parsed, and how parts are read."""
