"""What we are compared with: each peer in a virtual environment of its own, with its own releases from PyPI."""
