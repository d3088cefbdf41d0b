"""Which tools a caller is shown, and which it may run: all, or where a role or key narrows that, some of them."""

from servicekit.identity.principal import Principal
from services.tools.models import INVOKE, READ, SomeTools, Tool

# Who defines, audits or administers tools does so with all of them.
OF_ALL = ("tools.write", "tools.audit", "tools.admin")


def seen_by(caller: Principal) -> SomeTools | None:
    """The tools that a caller is shown, which it may run or read; None: all."""
    return None if any(map(caller.may_always, OF_ALL)) else _of(caller, READ, INVOKE)


def run_by(caller: Principal) -> SomeTools | None:
    """The tools that a caller may run; None: all."""
    return _of(caller, INVOKE) if caller.may(INVOKE) else SomeTools()


def may_see(caller: Principal, tool: Tool) -> bool:
    """Whether a caller is shown a tool."""
    seen = seen_by(caller)
    return seen is None or seen.include(tool)


def may_run(caller: Principal, tool: Tool) -> bool:
    """Whether a caller may run a tool."""
    run = run_by(caller)
    return run is None or run.include(tool)


def _of(caller: Principal, *permissions: str) -> SomeTools | None:
    """What it has one of these permissions for. Without any that is narrowed, the permission of the call is for all."""
    if not caller.narrowed or any(map(caller.may_always, permissions)):
        return None
    return SomeTools([reach for each in permissions if (reach := caller.reach(each)) is not None])
