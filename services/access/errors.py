"""The errors of the access service: every reason stands in error_reason.proto."""

from collections.abc import Iterable
from dataclasses import replace

from servicekit.errors import (
    ServiceError,
    Violation,
    aborted,
    already_exists,
    failed_precondition,
    invalid_argument,
    not_found,
    permission_denied,
)


def key_not_found(key_id: str) -> ServiceError:
    return not_found("KEY_NOT_FOUND", f"There is no key {key_id!r}.", key_id=key_id)


def key_not_valid(key_id: str, status: str, what: str) -> ServiceError:
    """`what` cannot be done with the key: `rotated`."""
    way_out = "Enable it first." if status == "disabled" else "Create a new one."
    message = f"The key {key_id!r} is {status} and cannot be {what}. {way_out}"
    return failed_precondition("KEY_NOT_VALID", message, key_id=key_id)


def role_unknown(names: Iterable[str]) -> ServiceError:
    listed = ", ".join(sorted(names))
    message = f"There is no role {listed}. GET /v1/roles lists those there are."
    return invalid_argument("ROLE_UNKNOWN", message, [Violation("roles", f"unknown: {listed}")])


def role_not_found(name: str) -> ServiceError:
    return not_found("ROLE_NOT_FOUND", f"There is no role {name!r}.", role=name)


def role_exists(name: str) -> ServiceError:
    return already_exists("ROLE_EXISTS", f"A role {name!r} exists. Update it, or choose another name.", role=name)


def role_built_in(name: str) -> ServiceError:
    message = f"The role {name!r} is built in and cannot be changed. Create one of your own."
    return failed_precondition("ROLE_BUILT_IN", message, role=name)


def role_in_use(name: str) -> ServiceError:
    return failed_precondition("ROLE_IN_USE", f"Keys have the role {name!r}; revoke them first.", role=name)


def key_preshared(key_id: str) -> ServiceError:
    message = f"A service calls others by the key {key_id!r}. It ends when its line among the preshared keys is gone."
    return failed_precondition("KEY_PRESHARED", message, key_id=key_id)


def owner_exceeds_caller(owner: str, lacking: Iterable[str]) -> ServiceError:
    listed = ", ".join(lacking)
    message = f"Nobody makes a key in the name of {owner!r}, who has what they do not have themselves: {listed}."
    return replace(
        permission_denied(listed), reason="OWNER_EXCEEDS_CALLER", message=message, metadata={"permissions": listed}
    )


def role_exceeds_caller(lacking: Iterable[str]) -> ServiceError:
    """Permissions and roles that the caller has not."""
    listed = ", ".join(lacking)
    message = f"Nobody gives, changes or takes away what they do not have themselves: {listed}."
    return replace(
        permission_denied(listed), reason="ROLE_EXCEEDS_CALLER", message=message, metadata={"permissions": listed}
    )


def etag_mismatch(name: str) -> ServiceError:
    return aborted("ETAG_MISMATCH", f"{name!r} was changed by somebody else. Read it again, apply your change, retry.")
