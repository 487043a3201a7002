"""The benchmark of pages: it times the pages it names, and its report says all it found."""

from pathlib import Path

import msgspec

from benchmarks.pages import TARGET_BYTES, Timed, every_model, lists, loaded, report
from penstock.app import build
from penstock.settings import Settings


async def test_pages_are_timed_and_measured(tmp_path: Path) -> None:
    settings = msgspec.convert({"data": str(tmp_path), "pages": {"public": True}}, Settings, strict=False)
    gateway = build(settings, {}).gateway
    listed, pages = await lists(gateway), await every_model(gateway, step=200)
    assert len(pages) >= 7 and all(page.milliseconds > 0 and page.sent > 3000 for page in [*listed, *pages])
    beside = await loaded(gateway, "/models/sandbox/image")
    assert beside > 10_000 and max(page.sent for page in pages) + beside < TARGET_BYTES


def test_the_report_names_the_dearest_and_the_largest_page() -> None:
    pages = [Timed("/models/a/b", 2.0, 9000), Timed("/models/a/c", 3.0, 8000)]
    text = report((0.1, 0.05), [Timed("/models?", 1.0, 5000)], pages, 30_000)
    assert "| dearest, /models/a/c | 3.0 ms |" in text
    assert "| largest, /models/a/b | 9,000 bytes | with all it loads 39,000 |" in text
