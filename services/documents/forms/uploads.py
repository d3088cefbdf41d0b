"""How many bytes may be on their way here: of one upload, and of all of this process together."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.documents import errors


class Uploads:
    """All of this process: what is held in memory until a run has taken it."""

    def __init__(self, max_bytes: int, max_held_bytes: int) -> None:
        """Bounds one upload, and what all of them hold."""
        self.max_bytes = max_bytes
        self._max_held_bytes = max(max_held_bytes, max_bytes)
        self.held_bytes = 0

    @contextmanager
    def upload(self) -> Iterator["Upload"]:
        """One that begins; what it holds is free when the block is left."""
        upload = Upload(self)
        try:
            yield upload
        finally:
            self.held_bytes -= upload.bytes

    def hold(self, number: int) -> None:
        """Makes room for so many more bytes.

        Raises:
            ServiceError: TOO_MANY_REQUESTS.
        """
        if self.held_bytes + number > self._max_held_bytes:
            raise errors.too_many_uploads(self._max_held_bytes)
        self.held_bytes += number


class Upload:
    """What one caller sends."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self.max_bytes = uploads.max_bytes
        self.bytes = 0

    def take(self, number: int) -> None:
        """Takes so many more bytes.

        Raises:
            ServiceError: UPLOAD_TOO_LARGE, TOO_MANY_REQUESTS.
        """
        if self.bytes + number > self._uploads.max_bytes:
            raise errors.upload_too_large(self._uploads.max_bytes)
        self.hold(number)

    def hold(self, number: int) -> None:
        """Holds so many more bytes, which did not come with the call.

        Raises:
            ServiceError: TOO_MANY_REQUESTS.
        """
        self._uploads.hold(number)
        self.bytes += number
