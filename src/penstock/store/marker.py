"""A file beside the database that is touched whenever keys or what bounds them have changed.

Looking at it takes a microsecond or two, so every request can ask whether a key that was looked up before still is
what it was, also when the command line changed it from another process.
"""

from dataclasses import dataclass
from pathlib import Path

State = tuple[int, int, int]
"""Of the file: its inode, size and time; the same as before exactly if nothing has changed since."""


@dataclass(frozen=True, slots=True)
class Marker:
    """The file; it holds one byte per change."""

    path: Path

    @classmethod
    def beside(cls, database: Path) -> "Marker":
        """The marker of a database file."""
        return cls(database.with_suffix(".changes"))

    def bump(self) -> None:
        """Something has changed, and is committed."""
        with self.path.open("ab") as file:
            file.write(b".")

    def state(self) -> State:
        """What it is like now."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return (0, 0, 0)
        return (found.st_ino, found.st_size, found.st_mtime_ns)
