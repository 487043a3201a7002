"""The serving process: the allocator's settings, and uvicorn around the application."""

import ctypes
import sys

from penstock.settings import Settings

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_MIB = 2**20


def tune_allocator() -> None:
    """Keep memory of large bodies instead of returning and refaulting it for each (glibc's mallopt).

    Measured on 6 MB bodies: 25 to 40% less CPU time. Other C libraries have no mallopt and are left alone.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_MMAP_THRESHOLD, 32 * _MIB)
    mallopt(_TRIM_THRESHOLD, 256 * _MIB)
    mallopt(_TOP_PAD, 32 * _MIB)


def serve(application: object, settings: Settings) -> None:
    """Run until interrupted."""
    import uvicorn

    tune_allocator()
    uvicorn.run(
        application,  # type: ignore[arg-type]
        host=settings.server.host,
        port=settings.server.port,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=30,
    )
