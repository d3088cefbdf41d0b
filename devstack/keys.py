"""The keys of the system itself: made once, kept where only their owner reads them.

`python -m devstack.keys FOLDER [NAME[=ROLE[,ROLE]] …]` makes them for a cluster: a file for each name, or for each
service that needs a key, with the roles that the service of that name declares unless said otherwise; and the file
`preshared` with all of them, for the service that knows the callers. What is there stays as it is, lines of other
names in `preshared` too: an administrator who has lost every key makes one so, under a name of its own.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from devstack.errors import CannotRunError
from devstack.services import KEYS, Service, found
from servicekit import key_files
from servicekit.identity import credentials

PRESHARED = "preshared"
# What a caller gets of whom no settings speak.
SERVICE_ROLE = "service"


def admin_file(home: Path) -> Path:
    """Where the admin key stands that is made when nobody has one."""
    return home / "admin-key"


def mcp_state_file(home: Path) -> Path:
    """What seals what clients of MCP say again; kept, so that a restart in between is nothing to them."""
    return home / "mcp-state-key"


def service_file(home: Path, service: str) -> Path:
    """Where a service finds the key by which it calls others."""
    return home / KEYS / service


def declared(services: Iterable[Service]) -> dict[str, str]:
    """The services that need a key, by name, with the roles of it."""
    return {each.name: ",".join(each.settings.KEY_ROLES) for each in services if each.settings.KEY_ROLES}


def prepare(home: Path, services: Iterable[Service]) -> None:
    """Makes the keys of these services in a home folder, as far as they are missing.

    Raises:
        CannotRunError: where a file cannot be read or written, or holds no key.
    """
    try:
        make(home / KEYS, declared(services))
    except OSError as error:
        raise CannotRunError(f"The keys of the services cannot be kept in {home / KEYS}: {error}") from None


def make(folder: Path, roles: Mapping[str, str]) -> None:
    """Makes a key for each name that has none, and `preshared` with all of them, their roles, and what else it held."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = []
    for name, role in roles.items():
        file = folder / name
        key = key_files.read_or_make(file, _new_key).decode().strip()
        if credentials.parse(key) is None:
            raise CannotRunError(f"{file} holds no key. Remove it, and a new one is made.")
        lines.append(f"{key} {name} {role}\n")
    preshared = folder / PRESHARED
    lines += _lines_of_others(preshared, roles)
    key_files.write(preshared, "".join(lines).encode(errors="surrogateescape"))


def _lines_of_others(preshared: Path, names: Iterable[str]) -> list[str]:
    """What somebody wrote into the file beside the keys of these names."""
    try:
        standing = preshared.read_bytes().decode(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []
    own = set(names)
    return [f"{line}\n" for line in standing if own.isdisjoint(line.split()[1:2])]


def _new_key() -> bytes:
    return f"{credentials.generate()[0]}\n".encode()


def main(arguments: list[str]) -> int:
    """Makes what the arguments name; prints where."""
    if not arguments:
        print(__doc__, file=sys.stderr)  # noqa: T201 -- the command's answer
        return 2
    folder, *names = arguments
    standard = declared(found())
    pairs = [name.partition("=") for name in names or standard]
    try:
        make(Path(folder), {name: role or standard.get(name, SERVICE_ROLE) for name, _, role in pairs})
    except (OSError, CannotRunError) as error:
        print(error, file=sys.stderr)  # noqa: T201 -- the command's answer
        return 1
    print(f"The keys of {', '.join(name for name, *_ in pairs)} are in {folder}.")  # noqa: T201 -- as above
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
