"""How values are written for people: exactly, with their unit, and never as a zero where nothing is known."""

from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from markupsafe import Markup

from penstock.web import templating
from penstock.web.templating import FILTERS


def words(shown: Markup) -> str:
    """Without tags, and as a browser shows it."""
    return unescape(str(shown.striptags()))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("usd", Decimal("0.045"), "$0.045"),
        ("usd", Decimal("0"), "$0.00"),
        ("usd", Decimal("1234.5"), "$1,234.50"),
        ("usd", Decimal("0.0000000125"), "$0.0000000125"),
        ("usd", Decimal("-0.5"), "-$0.50"),
        ("usd_pico", 30_000_000_000, "$0.03"),
        ("usd_short", Decimal("12.345678"), "$12.35"),
        ("usd_short", Decimal("0.000123456"), "$0.0001235"),
        ("usd_short", Decimal("0"), "$0.00"),
        ("usd_short", Decimal("1234567.891"), "$1,234,567.89"),
        ("number", 1_234_567, "1,234,567"),
        ("number", Decimal("1.50"), "1.5"),
        ("number", -1234, "-1,234"),
        ("number", 0.25, "0.25"),
        ("megapixels", 1024 * 1536, "1.5 MP"),
        ("percent", 1, "100 %"),
        ("percent", 0.99999, "99.9 %"),
        ("percent", 0, "0 %"),
        ("seconds", 0.0421, "42 ms"),
        ("seconds", 0.0001, "under 1 ms"),
        ("seconds", 0.9999, "1 s"),
        ("seconds", 3.21, "3.2 s"),
        ("seconds", 250, "4 min 10 s"),
        ("milliseconds", 1500, "1.5 s"),
        ("file_size", 1, "1 bytes"),
        ("file_size", 2048, "2 KB"),
        ("file_size", 1_500_000, "1.4 MB"),
        ("day", date(2026, 11, 7), "7 Nov 2026"),
        ("moment", 1_780_000_000_000, "28 May 2026, 20:26 UTC"),
        ("breakable", "/v1/<b>_x", "/v1/<b>_x"),
    ],
)
def test_a_value_is_written_for_people(name: str, value: Any, shown: str) -> None:
    assert words(FILTERS[name](value)) == shown


@pytest.mark.parametrize(
    "name",
    ["usd", "usd_pico", "usd_short", "number", "megapixels", "percent", "seconds", "milliseconds", "day", "moment"],
)
def test_what_is_not_known_is_said_in_words(name: str) -> None:
    shown = FILTERS[name](None)
    assert 'class="unknown"' in shown and "not known" in shown
    assert not any(character.isdigit() for character in words(shown))


@pytest.mark.parametrize(("count", "shown"), [(0, "0 pictures"), (1, "1 picture"), (1200, "1,200 pictures")])
def test_one_is_not_several(count: int, shown: str) -> None:
    assert words(templating.plural(count, "picture")) == shown


def test_what_is_shown_is_text_whatever_it_looks_like() -> None:
    assert "<script>" not in templating.unknown("<script>")
    assert templating.prose("see `<b>` & <i>") == "see <code>&lt;b&gt;</code> &amp; &lt;i&gt;"
    template = templating.environment().from_string("{{ it }}")
    assert template.render(it="<script>") == "&lt;script&gt;"


def test_a_name_that_a_template_does_not_know_is_an_error() -> None:
    with pytest.raises(Exception, match="nothing"):
        templating.environment().from_string("{{ nothing }}").render()
