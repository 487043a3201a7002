"""Which processes are alive: each holds a lock on a file of its own, which the system lets go of when it dies.

So what a process left undone can be told from what another process is still doing, at once and whatever way it died.
"""

from pathlib import Path

from filelock import FileLock, Timeout

from penstock.core.ids import new


class Presence:
    """One process, from `enter` until `leave`, or until it dies."""

    def __init__(self, folder: Path, id: str, lock: FileLock) -> None:
        self._folder = folder
        self.id = id
        """Names it in reservations."""
        self._lock = lock

    @classmethod
    def enter(cls, folder: Path, unix_seconds: float) -> "Presence":
        """Make this process known in a folder of the data directory."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        id = new("proc", unix_seconds)
        lock = _lock(folder, id)
        lock.acquire()
        return cls(folder, id, lock)

    def alive(self, id: str) -> bool:
        """Whether the process with this id, this one or another one on this machine, is still there."""
        if id == self.id:
            return True
        path = self._folder / id
        if not path.exists():
            return False
        lock = _lock(self._folder, id)
        try:
            lock.acquire()
        except Timeout:
            return True
        path.unlink(missing_ok=True)
        lock.release()
        return False

    def leave(self) -> None:
        """This process has nothing under way any more."""
        (self._folder / self.id).unlink(missing_ok=True)
        self._lock.release()


def _lock(folder: Path, id: str) -> FileLock:
    return FileLock(folder / id, blocking=False, thread_local=False)
