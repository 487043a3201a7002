"""What the dashboard says: ranges, changes in words, budgets and where they lead."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from penstock.core.spending import GATEWAY, Budget, Period
from penstock.store.spending import BudgetState
from penstock.store.sums import DAY_MS, HOUR_MS
from penstock.web.usage.burndown import course_chart, pace
from penstock.web.usage.ranges import read_range, start_of
from penstock.web.usage.spending import change

NOW = int(datetime(2026, 7, 14, 13, 20, tzinfo=UTC).timestamp()) * 1000
TODAY = start_of(date(2026, 7, 14))


@pytest.mark.parametrize(
    ("query", "words", "first", "places", "before"),
    [
        ({}, "the last 7 days", date(2026, 7, 8), 7, "the 7 days before"),
        ({"range": "24h"}, "the last 24 hours", date(2026, 7, 13), 24, "the 24 hours before"),
        ({"range": "30d"}, "the last 30 days", date(2026, 6, 15), 30, "the 30 days before"),
        (
            {"since": "2026-07-01", "until": "2026-07-03"},
            "1 Jul 2026 to 3 Jul 2026",
            date(2026, 7, 1),
            3,
            "the 3 days before",
        ),
        ({"since": "2026-07-13", "until": "2026-07-13"}, "13 Jul 2026", date(2026, 7, 13), 24, "the day before"),
        ({"since": "2026-07-14"}, "14 Jul 2026", date(2026, 7, 14), 14, "the day before"),
        ({"until": "2026-07-07"}, "1 Jul 2026 to 7 Jul 2026", date(2026, 7, 1), 7, "the 7 days before"),
    ],
)
def test_a_range_is_read_from_the_address(
    query: dict[str, str], words: str, first: date, places: int, before: str
) -> None:
    span, notes = read_range(query, NOW)
    assert not notes
    assert (span.words, span.first, len(span.places), span.before_words) == (words, first, places, before)
    since, until = span.before
    assert until - since == min(span.until, TODAY + 14 * HOUR_MS) - span.since, "as long as what there is of it"


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ({"range": "<b>"}, "There is no range “<b>”"),
        ({"since": "yesterday"}, "A range has days such as"),
        ({"since": "2026-07-03", "until": "2026-07-01"}, "ends before it begins"),
        ({"since": "2020-01-01"}, "at most 366 days"),
        ({"since": "2027-01-01", "until": "2027-01-02"}, "Nothing can have happened"),
        ({"since": "0001-01-01", "until": "0001-01-02"}, "Nothing can have happened"),
        ({"until": "9999-12-31"}, "Nothing can have happened"),
    ],
)
def test_nonsense_is_the_usual_range_and_is_said(query: dict[str, str], note: str) -> None:
    span, notes = read_range(query, NOW)
    assert span.words == "the last 7 days" and len(notes) == 1 and note in notes[0]


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (Decimal("1.12"), Decimal(1), "12 % more than before"),
        (50, 100, "50 % less than before"),
        (100, 100, "as before"),
        (5, 0, "none before"),
        (0, 0, "none before either"),
        (5, None, "not known before"),
        (None, 5, ""),
        (1200, 10, "120 times what it was before"),
    ],
)
def test_a_change_is_told_in_words(now: float | Decimal | None, before: float | Decimal | None, words: str) -> None:
    assert change(now, before) == words


def state(spent: str, *, days_ago: float, period: Period = Period.MONTH, amount: str = "100") -> BudgetState:
    """A budget made so many days before `NOW`."""
    created = NOW - int(days_ago * DAY_MS)
    budget = Budget(id="bud_1", holder=GATEWAY, period=period, amount=Decimal(amount), created_at=created)
    return BudgetState(
        budget=budget,
        period_start=period.start(NOW),
        resets_at=period.end(NOW),
        spent=Decimal(spent),
        reserved=Decimal(0),
        uncertain=Decimal(0),
        left=max(Decimal(0), Decimal(amount) - Decimal(spent)),
    )


@pytest.mark.parametrize(
    ("it", "words"),
    [
        (state("50", days_ago=0.9), ""),
        (state("0", days_ago=40), ""),
        (state("50", days_ago=2), "At this pace it is used up on 16 Jul 2026."),
        (state("96", days_ago=2), "At this pace it is used up in 2 hours."),
        (state("100", days_ago=2), "Nothing is left of it."),
        (state("10", days_ago=10), "At this pace $27.44 of it is used when it begins anew."),
        (state("10", days_ago=10, period=Period.TOTAL), "At this pace it is used up on 12 Oct 2026."),
        (state("0.001", days_ago=10, period=Period.TOTAL), "At this pace it lasts for more than ten years."),
    ],
)
def test_where_a_budget_leads_is_said_once_there_is_a_day_of_it(it: BudgetState, words: str) -> None:
    assert pace(it, NOW) == words


def test_a_budgets_course_ends_at_what_is_spent_and_days_to_come_have_no_value() -> None:
    it = state("30", days_ago=40)
    course = {date(2026, 7, 2): Decimal(10), date(2026, 7, 14): Decimal(15)}
    chart = course_chart(it, course, NOW)
    cells = {row.label: str(row.values[0]) for row in chart.rows}
    assert len(chart.rows) == 31
    assert "$5.00" in cells["1 Jul"], "what came before the sums of these days"
    assert "$15.00" in cells["2 Jul"] and "$15.00" in cells["13 Jul"]
    assert "$30.00" in cells["14 Jul"] and "not yet" in cells["15 Jul"]


def test_a_budget_made_in_the_middle_of_a_day_never_has_spent_less_than_nothing() -> None:
    it = replace(state("3", days_ago=0.1), spent=Decimal(3))
    chart = course_chart(it, {date(2026, 7, 14): Decimal(9)}, NOW)
    assert "$3.00" in str(chart.rows[0].values[0])
