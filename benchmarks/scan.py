"""What it costs to take pictures out of a JSON reply as it arrives: CPU milliseconds, as a whole and by part.

    .venv/bin/python benchmarks/scan.py [folder for the store]

"scan" is the search for strings alone, "base64", "sha256" and "write" are the same bytes put through each of them by
itself. The whole includes the store: spool file, header, rename. CPU is user + system time of this process, median.
"""

import asyncio
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pybase64

from penstock.assets.scan import PictureScanner
from penstock.assets.store import AssetStore

ROUNDS = 25
SIZES = (2, 6)
CHUNKS = (64, 256)


def png(length: int) -> bytes:
    """Bytes that have a PNG's beginning and end and noise between them."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1024).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0\0\0\0\0"
    return head + os.urandom(length - len(head) - 12) + b"\0\0\0\0IEND\xaeB\x60\x82"


def pieces(data: bytes, kib: int) -> Iterator[bytes]:
    for start in range(0, len(data), kib * 1024):
        yield data[start : start + kib * 1024]


def milliseconds(work: Callable[[], None], after: Callable[[], None] = lambda: None) -> float:
    def once() -> float:
        start = time.process_time()
        work()
        spent = (time.process_time() - start) * 1000
        after()
        return spent

    return statistics.median(once() for _ in range(ROUNDS))


def text_only(length: int) -> bytes:
    """A chat body of many short strings and some long ones."""
    turns: list[dict[str, str]] = []
    while len(json.dumps(turns)) < length:
        turns.append({"role": "user", "content": 'Say "hello" to the lighthouse keeper. ' * (1 + len(turns) % 40)})
    return json.dumps({"model": "echo", "messages": turns}).encode()


def measure_reply(store: AssetStore, mib: int, kib: int, folder: Path) -> dict[str, float]:
    picture = png(mib * 2**20 * 3 // 4)
    text = pybase64.b64encode(picture)
    chunks = list(pieces(b'{"created":1,"data":[{"b64_json":"' + text + b'"}],"usage":{"total_tokens":5}}', kib))
    slices = list(pieces(text, kib))
    decoded = [pybase64.b64decode(part, validate=True) for part in slices]

    async def whole() -> None:
        scanner = PictureScanner(store)
        for chunk in chunks:
            scanner.feed(chunk)
        await scanner.finish()

    def scan() -> None:
        for chunk in chunks:
            chunk.find(b'"')
            chunk.find(b"\\")

    def decode() -> None:
        for part in slices:
            pybase64.b64decode(part, validate=True)

    def sha256() -> None:
        digest = hashlib.sha256()
        for part in decoded:
            digest.update(part)

    def write() -> None:
        path = folder / "probe"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        for part in decoded:
            os.write(descriptor, part)
        os.close(descriptor)
        path.unlink()

    loop = asyncio.new_event_loop()
    digest = hashlib.sha256(picture).hexdigest()
    parts = {
        "all": milliseconds(
            lambda: loop.run_until_complete(whole()), lambda: loop.run_until_complete(store.delete(digest))
        )
    }
    loop.close()
    return parts | {
        "scan": milliseconds(scan),
        "base64": milliseconds(decode),
        "sha256": milliseconds(sha256),
        "write": milliseconds(write),
    }


def measure_text(store: AssetStore, length: int) -> float:
    body = text_only(length)

    def work() -> None:
        for _ in range(20):
            PictureScanner(store).feed(body)

    return milliseconds(work) / 20


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        store = AssetStore.open(name, folder)
        print(f"CPU milliseconds, median of {ROUNDS}; store in {folder.parent}")
        print(f"{'reply':>8} {'chunks':>8} {'all':>6} {'scan':>6} {'base64':>6} {'sha256':>6} {'write':>6}")
        for mib in SIZES:
            for kib in CHUNKS:
                row = measure_reply(store, mib, kib, folder)
                print(f"{mib:>5} MB {kib:>5} KB " + " ".join(f"{value:6.2f}" for value in row.values()))
        print(f"60 KB of text only: {measure_text(store, 60_000) * 1000:.0f} microseconds")


if __name__ == "__main__":
    main()
