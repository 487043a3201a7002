"""Routing read again while the gateway runs, whenever the configuration's file has changed.

A file that cannot be used is refused with its fault, and what was in force goes on. Everything beside `routing` needs a
restart, and is only told of.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from penstock.pipeline.gateway import Gateway
from penstock.pipeline.routes import compiled
from penstock.settings import Settings, SettingsError

log = structlog.get_logger()

LOOK_SECONDS = 1.0

Mark = tuple[int, int, int]
"""By which a file is known to be another: time of change in nanoseconds, size and inode."""


async def watch(file: Path, read: Callable[[], Settings], gateway: Gateway) -> None:
    """Runs until cancelled. `read` reads the file; raises SettingsError.

    A changed file is read once it stood still for one look: most programs empty a file before they write it, and an
    empty configuration is a good one.
    """
    read_last = last = _mark(file)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        mark = _mark(file)
        if mark is not None and mark == last and mark != read_last:
            read_last = mark
            reload(read, gateway)
        last = mark


def reload(read: Callable[[], Settings], gateway: Gateway) -> None:
    """Put what the file says of routing in force, or say why not."""
    routes = gateway.routes
    try:
        settings = read()
        changed = compiled(settings.routing, gateway.catalogue)
    except SettingsError as error:
        routes.refused = str(error)
        log.error("routing.refused", error=str(error))
        return
    except Exception:  # the task boundary: whatever a file holds, the next one is read
        routes.refused = "The configuration cannot be read; the gateway's log says more."
        log.exception("routing.refused", error=routes.refused)
        return
    if settings.routing == routes.settings:
        routes.refused = None
    else:
        routes.change(changed, gateway.clock.now())
        log.info("routing.changed")
    if others := _others(settings, gateway.settings):
        log.warning("settings.need_a_restart", settings=others)


def _others(new: Settings, old: Settings) -> list[str]:
    """The other sections that differ; where the gateway listens and keeps its data may be said on the command line."""
    names = [
        field.name for field in msgspec.structs.fields(Settings) if field.name not in ("routing", "data", "server")
    ]
    return [name for name in names if getattr(new, name) != getattr(old, name)]


def _mark(file: Path) -> Mark | None:
    try:
        status = file.stat()
    except OSError:  # it is being replaced
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
