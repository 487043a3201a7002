"""Charts: the numbers stand behind the drawing, and what is not known is a gap in both."""

import re
from decimal import Decimal

import pytest

from penstock.web.charts import Chart, Series, Value, bars, lines, share_bar, uptime_strip
from penstock.web.templating import number, usd
from tests.web.html import Page

DAYS = ["1 Nov", "2 Nov", "3 Nov", "4 Nov"]


def shapes(chart: Chart, tag: str, kind: str = "") -> list[dict[str, str]]:
    """The attributes of every shape; fails where the drawing is not well-formed."""
    found = [
        {key: str(value) for key, value in attributes.items()}
        for name, attributes in Page(str(chart.svg)).tags
        if name == tag
    ]
    return [it for it in found if kind in it.get("class", "")]


def test_a_line_has_a_gap_where_nothing_is_known_and_a_dot_between_two_gaps() -> None:
    chart = lines("Speed", DAYS, [Series("one", [1, None, 3, None]), Series("two", [1, 2, None, None])], number)
    assert len(shapes(chart, "path", "dot stroke-1")) == 2
    assert len(shapes(chart, "path", "line stroke-2")) == 1
    assert "not known" in chart.rows[1].values[0] and "0" not in chart.rows[1].values[0].striptags()
    assert [row.label for row in chart.rows] == DAYS


def test_bars_stand_upon_each_other_and_never_leave_the_drawing() -> None:
    chart = bars("Spend", DAYS, [Series("a", [Decimal("1"), None, 0, 5]), Series("b", [2, 2, None, 4])], usd)
    found = shapes(chart, "rect")
    assert len(found) == 5, "nothing is drawn for what is not known or nothing"
    for bar in found:
        top, height = float(bar["y"]), float(bar["height"])
        assert top >= 0 and top + height <= 200.01
    first_b = next(bar for bar in found if bar["class"] == "fill-2")
    assert float(first_b["y"]) + float(first_b["height"]) == pytest.approx(200 - 200 * 1 / 10, abs=0.1)


@pytest.mark.parametrize("values", [[None, None], [], [None]])
def test_nothing_known_is_said_in_words(values: list[Value]) -> None:
    chart = lines("Speed", DAYS[: len(values)], [Series("one", values)], number)
    assert chart.empty and not chart.svg


def test_the_axis_ends_at_a_round_number_above_everything() -> None:
    for highest, end in (
        (0.003, "0.005"),
        (0.9, "1"),
        (1, "1"),
        (7, "10"),
        (12, "20"),
        (240, "250"),
        (99_999, "100,000"),
    ):
        chart = lines("x", DAYS[:2], [Series("one", [0, highest])], number)
        assert chart.scale[0] == end, highest


def test_names_are_text_in_a_chart() -> None:
    chart = bars("x", ["<b>"], [Series("<script>", [1])], number)
    assert "<script>" not in chart.svg and "<b>" not in chart.svg
    assert len(shapes(chart, "rect")) == 1


def test_a_strip_has_a_mark_for_each_day_with_words() -> None:
    strip = uptime_strip([("1 Nov", 1.0), ("2 Nov", 0.96), ("3 Nov", 0.2), ("4 Nov", None)])
    assert re.findall(r'class="fill-(\w+)"', strip) == ["good", "warn", "bad", "none"]
    assert "2 Nov: 96.0% of calls succeeded" in strip and "4 Nov: no calls" in strip
    assert "style=" not in strip


@pytest.mark.parametrize(("share", "width"), [(-1, "0.00"), (0.25, "25.00"), (3, "100.00")])
def test_a_bar_is_never_longer_than_its_place(share: float, width: str) -> None:
    assert f'<rect width="{width}"' in share_bar(share)
