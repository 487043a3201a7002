"""Budgets and credits as the dashboard shows them: what is left, how it was used up so far, and where that leads.

What is spent and left is what `/admin/api/budgets` and `/credits` tell. The course of it is from the sums of days, and
ends at what is spent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from markupsafe import Markup
from sqlalchemy import Connection

from penstock.core.spending import GATEWAY, Level, Period
from penstock.store.courses import Course, courses
from penstock.store.spending import BudgetState, budgets
from penstock.store.sums import DAY_MS, HOUR_MS
from penstock.store.usage import holder_names
from penstock.web.charts import Chart, Series, lines, share_bar
from penstock.web.templating import dollars, plural, usd_short
from penstock.web.usage.ranges import day_of, spoken, start_of

PERIODS = {Period.DAY: "each day", Period.WEEK: "each week", Period.MONTH: "each month", Period.TOTAL: "once"}
LEVELS = {
    Level.GATEWAY: "everybody together",
    Level.ORGANISATION: "organisation",
    Level.TEAM: "team",
    Level.USER: "user",
    Level.KEY: "key",
}
MOST_SHOWN = 24
MOST_CHARTS = 8
"""Of those that are most used up; drawing one costs a millisecond."""
_LONGEST_DAYS = 90
"""Of a course that has no period."""
_WARN, _FULL = 0.8, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """A budget, or credit that was paid in."""

    state: BudgetState
    holder: str
    level: str
    period: str
    share: float
    """Used and held back, of the amount."""
    bar: Markup
    standing: str
    """`bad`, `warn`, or empty."""
    pace: str
    """Where it leads, in a sentence; empty where nobody can say."""
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class Read:
    """What the books say of budgets."""

    states: Sequence[BudgetState]
    names: Mapping[tuple[Level, str], str]
    courses: Mapping[str, Course]
    """By the budget's id, of the first `MOST_CHARTS`."""


def read_budgets(c: Connection, now: int) -> Read:
    """All that apply, those that are most used up first."""
    states = sorted(budgets(c, now), key=lambda it: (_used(it), it.budget.holder == GATEWAY), reverse=True)
    names: dict[tuple[Level, str], str] = {}
    for level in set(Level) - {Level.GATEWAY}:
        ids = {state.budget.holder.id for state in states if state.budget.holder.level is level}
        names |= {(level, id): name for id, name in holder_names(c, level, ids).items()} if ids else {}
    return Read(states, names, _courses(c, states[:MOST_CHARTS], now))


def _courses(c: Connection, states: Sequence[BudgetState], now: int) -> dict[str, Course]:
    found: dict[str, Course] = {}
    for level in Level:
        of_level = [state for state in states if state.budget.holder.level is level and _has_course(state)]
        if not of_level:
            continue
        since = min(_begins(state, now) for state in of_level)
        by_holder = courses(c, level, {state.budget.holder.id for state in of_level}, since)
        found |= {state.budget.id: by_holder.get(state.budget.holder.id, {}) for state in of_level}
    return found


def _has_course(state: BudgetState) -> bool:
    return state.budget.period is not Period.DAY


def _begins(state: BudgetState, now: int) -> int:
    """The first day of its course."""
    begins = max(state.period_start, state.budget.created_at, now - (_LONGEST_DAYS - 1) * DAY_MS)
    return begins // DAY_MS * DAY_MS


def _used(state: BudgetState) -> float:
    amount = state.budget.amount
    used = state.spent + state.reserved + state.uncertain
    return float(used / amount) if amount else 1.0


def views(read: Read, now: int) -> list[BudgetView]:
    return [_view(state, read, now) for state in read.states[:MOST_SHOWN]]


def _view(state: BudgetState, read: Read, now: int) -> BudgetView:
    it, share = state.budget, _used(state)
    standing = "bad" if share >= _FULL else "warn" if share >= _WARN else ""
    level = it.holder.level
    course = read.courses.get(it.id)
    return BudgetView(
        state=state,
        holder="The whole gateway" if level is Level.GATEWAY else read.names.get((level, it.holder.id), it.holder.id),
        level=LEVELS[level],
        period="credit paid in" if it.kind == "credit" else PERIODS[it.period],
        share=share,
        bar=share_bar(share, standing or "accent"),
        standing=standing,
        pace=pace(state, now),
        chart=None if course is None else course_chart(state, course, now),
    )


def pace(state: BudgetState, now: int) -> str:
    """Where the spending of this period leads, once there is a day of it."""
    since = max(state.period_start, state.budget.created_at)
    elapsed = now - since
    if elapsed < DAY_MS or not state.spent:
        return ""
    if not state.left:
        return "Nothing is left of it."
    left_for = int(state.left / state.spent * elapsed)
    used_up = now + left_for
    if state.resets_at is None or used_up < state.resets_at:
        if left_for > 10 * 366 * DAY_MS:
            return "At this pace it lasts for more than ten years."
        when = (
            spoken(day_of(used_up)) if left_for >= 2 * DAY_MS else f"in {plural(max(1, left_for // HOUR_MS), 'hour')}"
        )
        return f"At this pace it is used up {'on ' if left_for >= 2 * DAY_MS else ''}{when}."
    in_all = state.spent * (state.resets_at - since) / elapsed
    return f"At this pace {dollars(in_all.quantize(Decimal('0.01')))} of it is used when it begins anew."


def course_chart(state: BudgetState, course: Course, now: int) -> Chart:
    """Dollars spent until each day, against the amount; days to come have no value yet."""
    begins, today = day_of(_begins(state, now)), day_of(now)
    end = today if state.resets_at is None else day_of(state.resets_at - 1)
    days = [begins + timedelta(days=number) for number in range((end - begins).days + 1)]
    charged = {day: amount for day, amount in course.items() if day >= begins}
    # What came before the course begins; and sums of days know nothing of the hour in which a budget was made.
    known = state.spent - sum(charged.values(), Decimal(0))
    spent: list[Decimal | None] = []
    for day in days:
        known += charged.get(day, Decimal(0))
        spent.append(max(Decimal(0), known) if day <= today else None)
    return lines(
        "Spent so far",
        [f"{day.day} {day:%b}" for day in days],
        [Series("Spent", spent), Series("Amount", [state.budget.amount] * len(days))],
        lambda value: usd_short(None if value is None else Decimal(str(value)), "not yet"),
        note="by day, UTC" if start_of(begins) >= state.period_start else "",
    )
