"""The benchmark of the dashboard and the logs: it gets every page that it says it gets, with something on it."""

from pathlib import Path

from benchmarks.dashboard import PAGES, Looked, look, prepare, report


async def test_every_page_is_looked_at(tmp_path: Path) -> None:
    key = prepare(tmp_path, 300)
    looked = await look(tmp_path, key, runs=1)
    assert [page.path for page in looked] == list(PAGES)
    assert all(page.kilobytes > 1 and page.worst >= page.median > 0 for page in looked)
    by_path = {page.path: page for page in looked}
    assert by_path["/dashboard"].kilobytes > 20, "it is the one of an installation in use"


def test_the_report_has_a_line_for_every_page_and_the_machine() -> None:
    text = report(300, [Looked(path, 10, 1, 2, 3, 4) for path in PAGES])
    assert "| `/dashboard` | 10 | 1.0 | 2.0 | 3.0 | 4.0 |" in text
    assert all(f"`{path}`" in text for path in PAGES)
    assert "cores" in text and "SQLite" in text
