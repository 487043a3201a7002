"""`python -m benchmarks.pages`: processor time of the models' pages, and what a browser has to fetch for one.

It renders pages of a gateway in this process, one after the other, with a few pictures and requests behind them; about
a minute. Numbers are of the thread that renders, so what else the machine does matters little.
"""

import asyncio
import gzip
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.machine import processor_in
from penstock.app import build
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.settings import Settings
from penstock.web.models.index import make_index
from penstock.web.pages.model import model
from penstock.web.pages.models import models
from penstock.web.static import address, static
from penstock.web.visit import Visit

TARGET_MS = 25.0
TARGET_BYTES = 120 * 1024
_RUNS = 5
_LISTS = ("", "q=flux", "q=gpt&here=no&sort=price", "can=masks,seed&megapixels=4", "sort=speed&offset=480")


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds of one page, the best of several runs, and bytes as they are sent."""

    title: str
    milliseconds: float
    sent: int


def visit(gateway: Gateway, path: str, query: str = "") -> Visit:
    """Somebody who is not signed in, with a browser that takes gzip."""

    async def receive() -> dict[str, Any]:
        return {}

    headers = {"host": "127.0.0.1:8080", "accept-encoding": "gzip", "accept": "text/html"}
    now = time.monotonic()
    incoming = Incoming(
        id="req",
        trace_id="trace",
        method="GET",
        path=path,
        query=query,
        headers=headers,
        receive=receive,
        started=now,
        started_at=time.time(),
    )
    return Visit(gateway, incoming, None)


async def timed(title: str, make: Callable[[], Awaitable[Reply]]) -> Timed:
    """The best of a few runs."""
    best, sent = float("inf"), 0
    for _ in range(_RUNS):
        began = time.thread_time()
        reply = await make()
        best = min(best, time.thread_time() - began)
        sent = sum(len(piece) for piece in reply.pieces if isinstance(piece, bytes))
    return Timed(title, best * 1000, sent)


async def lists(gateway: Gateway) -> list[Timed]:
    return [await timed(f"/models?{query}", lambda q=query: models(visit(gateway, "/models", q))) for query in _LISTS]


async def every_model(gateway: Gateway, step: int = 1) -> list[Timed]:
    """Each model's page, or every so-manieth."""
    found = []
    for slug in list(gateway.catalogue.models)[::step]:
        maker, name = slug.split("/")
        page = f"/models/{slug}"
        found.append(await timed(page, lambda p=page, m=maker, n=name: model(visit(gateway, p), m, n)))
    return found


async def loaded(gateway: Gateway, path: str) -> int:
    """Bytes of what a page loads beside itself, compressed."""
    maker, name = path.removeprefix("/models/").split("/")
    reply = await model(visit(gateway, path), maker, name)
    html = gzip.decompress(b"".join(piece for piece in reply.pieces if isinstance(piece, bytes))).decode()
    sent = 0
    for part in {*re.findall(r'(?:href|src)="/static/([^"?]+)', html), "gateway.js"}:
        version = address(part).partition("?")[2]
        file = await static(gateway, visit(gateway, f"/static/{part}", version).incoming, part)
        sent += sum(len(piece) for piece in file.pieces if isinstance(piece, bytes))
    return sent


def index_seconds(gateway: Gateway) -> tuple[float, float]:
    """Making the index the first time, with every offer still a row, and again."""
    took = []
    for _ in range(2):
        began = time.thread_time()
        make_index(gateway.catalogue, frozenset(gateway.accounts), date.today())
        took.append(time.thread_time() - began)
    return took[0], took[1]


def report(index: tuple[float, float], listed: Sequence[Timed], pages: Sequence[Timed], beside: int) -> str:
    """A table in Markdown."""
    times = sorted(page.milliseconds for page in pages)
    dearest, largest = max(pages, key=lambda page: page.milliseconds), max(pages, key=lambda page: page.sent)
    rows = [
        ("index of all models, first time", f"{index[0] * 1000:.0f} ms", "in slices"),
        ("index of all models, again", f"{index[1] * 1000:.0f} ms", "in slices"),
        *((page.title, f"{page.milliseconds:.1f} ms", f"{page.sent:,} bytes") for page in listed),
        (f"{len(pages)} models' pages, median", f"{statistics.median(times):.1f} ms", ""),
        ("90 of 100 within", f"{times[int(len(times) * 0.9)]:.1f} ms", ""),
        (f"dearest, {dearest.title}", f"{dearest.milliseconds:.1f} ms", f"target {TARGET_MS:.0f} ms"),
        (f"largest, {largest.title}", f"{largest.sent:,} bytes", f"with all it loads {largest.sent + beside:,}"),
    ]
    head = f"Python {sys.version.split()[0]}, {processor_in(Path('/proc/cpuinfo').read_text())}"
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "", "| What | Processor time or size | |", "| --- | ---: | --- |", *lines])


async def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        settings = msgspec.convert({"data": data, "pages": {"public": True}}, Settings, strict=False)
        gateway = build(settings, {}).gateway
        index = index_seconds(gateway)
        listed, pages = await lists(gateway), await every_model(gateway)
        print(report(index, listed, pages, await loaded(gateway, "/models/sandbox/image")))


if __name__ == "__main__":
    asyncio.run(main())
