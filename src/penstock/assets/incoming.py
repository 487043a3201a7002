"""A picture while it arrives: written to a spool file, hashed as it passes, measured when it is complete."""

import binascii
import hashlib
import os
import secrets
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path

import pybase64

from penstock.assets.files import Files, failed
from penstock.assets.measure import HEAD_BYTES, TAIL_BYTES, NotAPicture, measure
from penstock.core.errors import TooLarge
from penstock.core.picture import Picture

SUFFIX = ".part"
"""Of spool files."""

_DECODED_AT_ONCE = 256 * 1024
"""Characters; keeps memory flat however large a chunk is. A multiple of four."""


class Incoming:
    """One picture on its way in. End it with `finish` or `abandon`; both may be called again.

    A picture that nobody ends gives its file back when it is collected. Every method raises Unavailable
    (`storage_full`, `storage_failed`) where the disk refuses, and the spool file is gone then.
    """

    def __init__(self, spool: Path, files: Files, limit: int) -> None:
        self._descriptor = -1
        self._path = spool / f"{secrets.token_hex(16)}{SUFFIX}"
        self._files = files
        self._limit = limit
        self._hash = hashlib.sha256()
        self._length = 0
        self._carry = b""
        self._padded = False
        self._picture: Picture | None = None
        self._kept = False
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise failed(error) from error

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes. Raises TooLarge (`image_too_large`) beyond the limit."""
        self._length += len(data)
        if self._length > self._limit:
            self.abandon()
            raise TooLarge(f"A picture is larger than {self._limit / 2**20:g} MiB.", code="image_too_large")
        self._hash.update(data)
        try:
            written = os.write(self._descriptor, data)
            while written < len(data):
                written += os.write(self._descriptor, memoryview(data)[written:])
        except OSError as error:
            self.abandon()
            raise failed(error) from error

    def write_base64(self, text: bytes | memoryview) -> None:
        """Take the next characters of the standard alphabet (RFC 4648, section 4), cut anywhere.

        Raises NotAPicture at the first character that is not of it.
        """
        if self._carry:
            missing = 4 - len(self._carry)
            self._carry += text[:missing]
            text = text[missing:]
            if len(self._carry) < 4:
                return
            self._decode(self._carry)
            self._carry = b""
        whole = len(text) & ~3
        for start in range(0, whole, _DECODED_AT_ONCE):
            self._decode(text[start : min(start + _DECODED_AT_ONCE, whole)])
        self._carry = bytes(text[whole:])

    def close(self) -> Picture:
        """All has been written: measure it. The file waits in the spool for `finish`.

        Raises NotAPicture, and the spool file is gone then.
        """
        if self._picture is not None:
            return self._picture
        try:
            if self._carry:
                # Some encoders leave the padding out.
                self._decode(self._carry.ljust(4, b"="))
            self._picture = self._measured()
        except NotAPicture:
            self.abandon()
            raise
        except OSError as error:
            self.abandon()
            raise failed(error) from error
        self._close_descriptor()
        return self._picture

    async def finish(self) -> Picture:
        """Measure the picture and move it into the store. Raises NotAPicture."""
        picture = self.close()
        if not self._kept:
            await self._files.adopt(self._path, name(picture.digest), picture.bytes, picture.media_type)
            self._kept = True
        return picture

    def abandon(self) -> None:
        """Remove what has been written; nothing happens once the picture is in the store."""
        self._close_descriptor()
        if not self._kept:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    def __del__(self) -> None:
        self.abandon()

    def _decode(self, text: bytes | memoryview) -> None:
        if self._padded:
            raise NotAPicture("The base64 text goes on after its padding.")
        try:
            data = pybase64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise NotAPicture("The text is not base64 (standard alphabet, no line breaks).") from error
        self._padded = text[-1] == 0x3D
        self.write(data)

    def _measured(self) -> Picture:
        head = os.pread(self._descriptor, HEAD_BYTES, 0)
        tail = os.pread(self._descriptor, TAIL_BYTES, max(0, self._length - TAIL_BYTES))
        try:
            facts = measure(head, tail, self._length)
        except NotAPicture as error:
            if self._length <= HEAD_BYTES or error.code == "image_too_large":
                raise
            # Long metadata before a JPEG's size, or something after the picture's end: look at all of it.
            with mmap(self._descriptor, self._length, access=ACCESS_READ) as whole:
                facts = measure(whole, tail, self._length)
        return Picture(self._hash.hexdigest(), facts.media_type, facts.width, facts.height, self._length)

    def _close_descriptor(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def name(digest: str) -> str:
    """The file name of the picture with this digest, below the store's root."""
    return f"sha256/{digest[:2]}/{digest[2:]}"
