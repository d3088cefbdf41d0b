"""The folder of planning files: nothing outside of it is ever read or moved, whatever names and links say."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice

from services.tasks import errors
from services.tasks.planning.models import PlanningFile

# A type of file, and the folder that it has in the operator's folder and in the archive.
FOLDERS = {"prd": "prds", "epic": "epics", "task": "tasks"}
# What goes with a file of a type, by its number.
BELOW = {"prd": ("epic", "task"), "epic": ("task",), "task": ()}
ARCHIVE = "archive"
NAME = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*\.md")
NUMBER = re.compile(r"\d+(?=-)")
MAX_NAME_LENGTH = 200
MAX_BYTES = 1024 * 1024
# Of one folder; more would take a call too long.
MAX_ENTRIES = 1_000
# What is no folder and no file of ours: it is not there, or a link.
AWAY = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class PlanningFolder:
    """Reads and moves files; blocking."""

    def __init__(self, root: str) -> None:
        """Takes the operator's folder; empty: there is none."""
        self._root = root

    def files(self, file_type: str, *, archived: bool) -> list[PlanningFile]:
        """Those of a type, by name.

        Raises:
            ServiceError: PLANNING_UNREADABLE.
        """
        with self._folder(file_type, archived=archived) as folder:
            if folder is None:
                return []
            found = [self._stat(folder, file_type, name, archived=archived) for name in _names(folder)]
        return sorted(filter(None, found), key=lambda each: each.name)

    def read(self, file_type: str, name: str, *, archived: bool) -> PlanningFile:
        """One with what stands in it.

        Raises:
            ServiceError: PLANNING_FILE_NOT_FOUND, PLANNING_UNREADABLE.
        """
        with self._folder(file_type, archived=archived) as folder:
            found = self._stat(folder, file_type, name, archived=archived) if folder is not None else None
            if folder is None or found is None:
                raise errors.planning_file_not_found(file_type, name)
            # Should it have become a pipe meanwhile, nobody waits for it.
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise errors.planning_unreadable(f"{name!r} has more than {MAX_BYTES} bytes.")
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise errors.planning_unreadable(f"{name!r} is no text in UTF-8.") from None
        return PlanningFile(file_type, name, archived, len(content), found.updated_at, text)

    def move(self, file_type: str, name: str, *, archived: bool) -> list[PlanningFile]:
        """Moves one, and what belongs to it, into the archive or out of it; they as they stand then, it first.

        Each is there twice for a moment, and never not at all; what a process that died has left so is made good by
        the next that moves it.

        Raises:
            ServiceError: PLANNING_FILE_NOT_FOUND, PLANNING_FILE_EXISTS, PLANNING_UNREADABLE.
        """
        here = self.files(file_type, archived=not archived)
        if name not in [each.name for each in here]:
            raise errors.planning_file_not_found(file_type, name)
        number = NUMBER.match(name)
        together = [(file_type, name)]
        for each in BELOW[file_type]:
            named = [file.name for file in self.files(each, archived=not archived)]
            together += [(each, below) for below in named if number and below.startswith(f"{number[0]}-")]
        linked: list[tuple[str, str]] = []
        try:
            for each, called in together:
                if self._link(each, called, archived=archived):
                    linked.append((each, called))
        except BaseException:
            for each, called in linked:
                self._unlink(each, called, archived=archived)
            raise
        for each, called in together:
            self._unlink(each, called, archived=not archived)
        moved = []
        for each, called in together:
            with self._folder(each, archived=archived) as folder:
                found = self._stat(folder, each, called, archived=archived) if folder is not None else None
                moved += [found] if found else []
        return moved

    def _link(self, file_type: str, name: str, *, archived: bool) -> bool:
        """Has a file stand at its new place as well; False where it did so before."""
        with (
            self._folder(file_type, archived=not archived) as source,
            self._folder(file_type, archived=archived, make=True) as target,
        ):
            assert source is not None, "something was found in it"
            assert target is not None, "it was made"
            try:
                os.link(name, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            except FileExistsError:
                ours = os.stat(name, dir_fd=source, follow_symlinks=False)
                theirs = os.stat(name, dir_fd=target, follow_symlinks=False)
                if (ours.st_dev, ours.st_ino) != (theirs.st_dev, theirs.st_ino):
                    raise errors.planning_file_exists(name) from None
                return False
            except FileNotFoundError:
                raise errors.planning_file_not_found(file_type, name) from None
            except OSError as error:
                raise errors.planning_unreadable(f"{name!r} cannot be moved: {error.strerror}.") from None
        return True

    def _unlink(self, file_type: str, name: str, *, archived: bool) -> None:
        with self._folder(file_type, archived=archived) as folder:
            if folder is None:
                return
            try:
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                # Somebody else has moved it the same way.
                return

    @staticmethod
    def _stat(folder: int, file_type: str, name: str, *, archived: bool) -> PlanningFile | None:
        """A file that is one of ours; None of folders, links, pipes, and what is not there."""
        if not NAME.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
            return None
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        written_at = datetime.fromtimestamp(found.st_mtime, UTC)
        return PlanningFile(file_type, name, archived, min(found.st_size, 2**32 - 1), written_at)

    @contextmanager
    def _folder(self, file_type: str, *, archived: bool, make: bool = False) -> Iterator[int | None]:
        """The folder of a type, opened; None where there is none. `make`: it is made below the root."""
        if not self._root:
            yield None
            return
        opened: list[int] = []
        steps = [self._root, *([ARCHIVE] if archived else []), FOLDERS[file_type]]
        try:
            try:
                for step in steps:
                    opened.append(_opened(step, opened[-1] if opened else None, make=make))
            except OSError as error:
                if error.errno not in AWAY or make:
                    raise errors.planning_unreadable(f"The folder {step!r} cannot be used: {error.strerror}.") from None
                yield None
                return
            yield opened[-1]
        finally:
            for each in opened:
                os.close(each)


def _opened(step: str, above: int | None, *, make: bool) -> int:
    """A folder; a link only where it is the operator's own."""
    if make and above is not None:
        with suppress(FileExistsError):
            os.mkdir(step, dir_fd=above)
    links = 0 if above is None else os.O_NOFOLLOW
    return os.open(step, os.O_RDONLY | os.O_DIRECTORY | links, dir_fd=above)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        found = [entry.name for entry in islice(entries, MAX_ENTRIES + 1)]
    if len(found) > MAX_ENTRIES:
        raise errors.planning_unreadable(f"The folder has more than {MAX_ENTRIES} entries.")
    return found
