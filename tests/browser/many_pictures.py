"""A gallery with many pictures in it, quickly: small files and the rows that requests would have left behind."""

import hashlib
import io
from collections.abc import Sequence

from PIL import Image
from sqlalchemy import Connection, insert

from penstock.assets.incoming import name
from penstock.store.tables import asset_links, assets, prompts, requests
from tests.e2e.running import RunningGateway

SIZES = ((48, 32), (32, 48), (40, 40), (64, 27), (30, 36), (54, 30))
FIRST = 1_780_000_000_000
"""When the first one was made; the others follow, a second apart."""


def store_pictures(gateway: RunningGateway, count: int, *, prompt: str = "picture {}") -> Sequence[str]:
    """Digests of so many different pictures, the newest first: three by every second request, else one."""
    made = [_drawn(number) for number in range(count)]
    digests = [hashlib.sha256(data).hexdigest() for data in made]
    for digest, data in zip(digests, made, strict=True):
        path = gateway.data / "assets" / name(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    groups = _grouped(count)
    gateway.change(lambda c: _record(c, groups, digests, [len(data) for data in made], prompt))
    return [digests[number] for group in reversed(groups) for number in group]


def _drawn(number: int) -> bytes:
    image = Image.new("RGB", SIZES[number % len(SIZES)], (number % 256, 90 + number // 256 % 160, 140))
    image.putpixel((0, 0), (number % 251, number // 251 % 251, 7))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _grouped(count: int) -> list[range]:
    """The pictures of each request, oldest request first."""
    groups, start = [], 0
    while start < count:
        end = min(count, start + (1 if len(groups) % 2 else 3))
        groups.append(range(start, end))
        start = end
    return groups


def _record(
    c: Connection, groups: Sequence[range], digests: Sequence[str], lengths: Sequence[int], prompt: str
) -> None:
    ids = [f"req_{number:026}" for number in range(len(groups))]
    times = [FIRST + 1000 * number for number in range(len(groups))]
    known = {
        "latency_ms": 2100,
        "dialect": "openai",
        "path": "/v1/images/generations",
        "operation": "image_generation",
        "model": "sandbox/image",
        "provider": "sandbox",
        "status": 200,
        "stream": False,
        "client_gone": False,
        "cost_source": "delivered",
        "attempts": 1,
        "fallback_used": False,
    }
    of_requests = [
        {"id": id, "created_at": at, "images_delivered": len(group), "cost_pico": 30_000_000_000 * len(group), **known}
        for id, at, group in zip(ids, times, groups, strict=True)
    ]
    of_assets = [
        {"digest": digests[number], "media_type": "image/png", "bytes": lengths[number], "created_at": at}
        | dict(zip(("width", "height"), SIZES[number % len(SIZES)], strict=True))
        for at, group in zip(times, groups, strict=True)
        for number in group
    ]
    links = [
        {"request_id": id, "role": "output", "position": place, "digest": digests[number], "seed": number}
        for id, group in zip(ids, groups, strict=True)
        for place, number in enumerate(group)
    ]
    kept = [
        {"request_id": id, "created_at": at, "body": {"prompt": prompt.format(group[0])}}
        for id, at, group in zip(ids, times, groups, strict=True)
    ]
    for table, rows in ((requests, of_requests), (assets, of_assets), (asset_links, links), (prompts, kept)):
        c.execute(insert(table), rows)
