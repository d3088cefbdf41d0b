"""Keys that the environment gives to this service alone, as it did to the original: METRICS_API_KEY_<SERVICE>."""

import hashlib
from collections.abc import Mapping

from servicekit.identity.principal import Principal

PREFIX = "METRICS_API_KEY_"
# Whoever holds one may send, and nothing else.
PERMISSIONS = frozenset({"metrics.write"})
ROLES = frozenset({"ingest"})
MIN_LENGTH = 16


def preshared_keys(environment: Mapping[str, str]) -> dict[bytes, Principal]:
    """Who comes with which key, by the SHA-256 of each; the caller is named as the variable ends, `auth-server`.

    Raises:
        SystemExit: for a key that can be guessed, and for one that two have.
    """
    found: dict[bytes, Principal] = {}
    for name, key in sorted(environment.items()):
        if not name.startswith(PREFIX) or not key or name == PREFIX:
            continue
        if len(key) < MIN_LENGTH:
            raise SystemExit(f"{name} has a key of less than {MIN_LENGTH} characters, which can be guessed.")
        digest = hashlib.sha256(key.encode()).digest()
        if digest in found:
            raise SystemExit(f"{name} has the key of another: who comes with it could not be told.")
        caller = name.removeprefix(PREFIX).lower().replace("_", "-")
        found[digest] = Principal(caller, PERMISSIONS, ROLES)
    return found
