"""Transport profiles: what an operator declares of the way to servers, by names that tools of every kind may choose."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import orjson
from yarl import URL

from servicekit.ssrf import has_user, host_of
from services.tools import errors

VARIABLE = "QMCP_TOOLS_TRANSPORT_PROFILES_FILE"
# Of each file: when it was changed, and its size.
Stamps = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Pem:
    """What a profile has for TLS, as PEM; None: the system's authorities, no certificate."""

    authorities: bytes | None
    certificate: bytes | None
    key: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class TransportProfile:
    """One way to servers; fields are those of the file. Empty ones leave it as it is without a profile."""

    name: str
    # Authorities that vouch for servers, in place of the system's.
    ca_file: str = ""
    # What proves to servers who calls; both or none.
    certificate_file: str = ""
    key_file: str = ""
    # `http://host:port`, which is told where to connect to; for HTTP alone.
    proxy: str = ""
    # The header Proxy-Authorization, `${basic.NAME}` or with `${secret.NAME}`.
    proxy_authorization: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        return (self.ca_file, self.certificate_file, self.key_file)

    def pem(self) -> Pem:
        """What its files hold now.

        Raises:
            OSError: one cannot be read.
        """
        return Pem(*(Path(file).read_bytes() if file else None for file in self.files))

    def stamps(self) -> Stamps:
        """Changes when one of its files does: certificates are renewed while the service runs.

        Raises:
            OSError: one is not there.
        """
        found = [Path(file).stat() for file in self.files if file]
        return tuple((each.st_mtime_ns, each.st_size) for each in found)

    def context(self) -> ssl.SSLContext:
        """A new context of its files; servers are always verified.

        Raises:
            OSError: one cannot be read, or holds none of what it should (ssl.SSLError).
        """
        made = ssl.create_default_context(cafile=self.ca_file or None)
        if self.certificate_file:
            made.load_cert_chain(self.certificate_file, self.key_file, password=_no_password)
        return made


class TransportProfiles:
    """Those of an installation."""

    def __init__(self, profiles: Mapping[str, TransportProfile]) -> None:
        self._profiles = profiles
        self._contexts: dict[str, tuple[Stamps, ssl.SSLContext]] = {}

    @classmethod
    def load(cls, file: Path | None) -> "TransportProfiles":
        """What the operator's file declares; none without one.

        Raises:
            SystemExit: saying what is wrong with it, or with a file that it names.
        """
        if file is None:
            return cls({})
        try:
            found = orjson.loads(file.read_bytes())
            profiles = {name: _profile(name, declared) for name, declared in found.items()}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise SystemExit(f"{VARIABLE} ({file}) cannot be used: {error}") from None
        for name, profile in profiles.items():
            try:
                profile.context()
            except OSError as error:
                raise SystemExit(f"{VARIABLE} ({file}): the files of {name} cannot be used: {error}") from None
        return cls(profiles)

    def get(self, name: str) -> TransportProfile | None:
        """The profile of this name; None without a name.

        Raises:
            ServiceError: TRANSPORT_PROFILE_NOT_FOUND.
        """
        if not name:
            return None
        found = self._profiles.get(name)
        if found is None:
            raise errors.transport_profile_not_found(name)
        return found

    def context(self, profile: TransportProfile) -> ssl.SSLContext:
        """Its context: the same as long as its files are, so that connections of it can be used again.

        Raises:
            ServiceError: TRANSPORT_PROFILE_NOT_FOUND, where its files cannot be used any more.
        """
        try:
            stamps = profile.stamps()
            kept = self._contexts.get(profile.name)
            if kept is None or kept[0] != stamps:
                kept = self._contexts[profile.name] = (stamps, profile.context())
        except OSError as error:
            raise errors.transport_profile_unusable(profile.name, type(error).__name__) from None
        return kept[1]


def _profile(name: str, declared: Mapping[str, str]) -> TransportProfile:
    known = [each.name for each in fields(TransportProfile) if each.name != "name"]
    if unknown := declared.keys() - set(known):
        raise ValueError(f"{name} has {min(unknown)!r}, and there are {', '.join(known)}")
    if not all(isinstance(value, str) for value in declared.values()):
        raise ValueError(f"{name} has a value that is no text")
    made = TransportProfile(name, **declared)
    if bool(made.certificate_file) != bool(made.key_file):
        raise ValueError(f"{name} has one of certificate_file and key_file, and needs both")
    if made.proxy_authorization and not made.proxy:
        raise ValueError(f"{name} has proxy_authorization and no proxy")
    if made.proxy:
        _require_proxy(name, made.proxy)
    return made


def _require_proxy(name: str, proxy: str) -> None:
    if has_user(proxy):
        raise ValueError(f"{name}.proxy has a user in it: put the credential into proxy_authorization")
    host_of(proxy)
    url = URL(proxy, encoded=True)
    if url.scheme != "http" or url.raw_path_qs != "/" or url.raw_fragment:
        raise ValueError(f"{name}.proxy is not like http://host:port")


def _no_password() -> str:
    """OpenSSL would ask at the terminal for that of a key which has one."""
    raise ValueError("a key with a password cannot be used")
