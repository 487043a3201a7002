"""Budgets, credit, limits and allowances: what they may be, what is left of them, and whom they bind."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from penstock.core.errors import BadRequest, NotFound
from penstock.core.money import to_pico
from penstock.core.spending import GATEWAY, Budget, Holder, Level, Limit, LimitUnit, Period
from penstock.store import tables
from penstock.store.books import BlockingBooks
from penstock.store.keys import NewKey, create_key
from penstock.store.people import create_organisation, create_team, create_user
from penstock.store.spending import (
    add_credit,
    allowances,
    applying,
    budget,
    budgets,
    change_budget,
    create_allowance,
    create_budget,
    create_limit,
    credit,
    credit_entries,
    end_allowance,
    end_budget,
    end_limit,
    find_holder,
    list_limits,
)
from tests.store.samples import NOW

DAY = 24 * 3600 * 1000
ONE = Decimal(1)
Work = Callable[[Connection], Any]


@pytest.fixture(autouse=True)
def holders(shell: BlockingBooks) -> dict[Level, Holder]:
    """One at each level."""

    def create(c: Connection) -> dict[Level, str]:
        return {
            Level.GATEWAY: "",
            Level.ORGANISATION: create_organisation(c, "acme", NOW).id,
            Level.TEAM: create_team(c, "acme", "posters", NOW).id,
            Level.USER: create_user(c, "acme", "ann", NOW).id,
            Level.KEY: create_key(c, NewKey("build", ["read"], team="posters", user="ann"), NOW)[0].id,
        }

    return {level: Holder(level, id) for level, id in shell.change(create).items()}


def made(shell: BlockingBooks, amount: Decimal = ONE, period: Period = Period.DAY, **fields: Any) -> Budget:
    holder = fields.pop("holder", GATEWAY)
    return shell.change(lambda c: create_budget(c, holder, amount, period, **{"now": NOW, **fields}))


def use(budget: Budget, period_start: int, *dollars: str) -> Work:
    """What reservations and settlements have written: spent, reserved, uncertain."""
    names = ("spent_pico", "reserved_pico", "uncertain_pico")
    columns = dict(zip(names, (to_pico(Decimal(amount)) for amount in dollars), strict=True))
    row = insert(tables.budget_use).values(budget_id=budget.id, period_start=period_start, **columns)
    return lambda c: c.execute(row)


@pytest.mark.parametrize("level", Level)
def test_a_holder_is_found_by_its_name_and_by_its_id(
    shell: BlockingBooks, holders: dict[Level, Holder], level: Level
) -> None:
    names = {Level.ORGANISATION: "acme", Level.TEAM: "posters", Level.USER: "ann", Level.KEY: "build"}
    for which in (names.get(level, "whatever"), holders[level].id):
        assert shell.read(lambda c, which=which: find_holder(c, level, which)) == holders[level]


MAKERS: dict[str, Callable[[Connection, Holder], Any]] = {
    "budget": lambda c, holder: create_budget(c, holder, ONE, Period.WEEK, now=NOW),
    "credit": lambda c, holder: add_credit(c, holder, ONE, "", NOW).budget,
    "limit": lambda c, holder: create_limit(c, holder, LimitUnit.DOLLARS, ONE, 60, "openai/*", NOW),
    "allowance": lambda c, holder: create_allowance(c, holder, 5, NOW),
}


@pytest.mark.parametrize("level", [level for level in Level if level is not Level.GATEWAY])
@pytest.mark.parametrize("what", MAKERS)
def test_nothing_is_made_for_a_holder_there_is_not(shell: BlockingBooks, what: str, level: Level) -> None:
    with pytest.raises(NotFound) as refused:
        shell.change(lambda c: MAKERS[what](c, Holder(level, "nobody")))
    assert refused.value.code == ("key_not_found" if level is Level.KEY else "holder_not_found")


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("what", MAKERS)
def test_what_is_made_applies_to_its_holder_and_to_nobody_else(
    shell: BlockingBooks, holders: dict[Level, Holder], what: str, level: Level
) -> None:
    bound = shell.change(lambda c: MAKERS[what](c, holders[level]))
    assert (bound.holder, bound.created_at) == (holders[level], NOW)
    kind = {"limit": "limits", "allowance": "allowances"}.get(what, "budgets")
    for other, holder in holders.items():
        applies = getattr(shell.read(lambda c, holder=holder: applying(c, [holder])), kind)
        assert applies == ((bound,) if other is level else ())
    together = shell.read(lambda c: applying(c, list(holders.values())))
    assert (together.budgets, together.limits, together.allowances).count(()) == 2
    assert getattr(together, kind) == (bound,)


# Budgets.


def test_a_new_budget_is_whole(shell: BlockingBooks, holders: dict[Level, Holder]) -> None:
    first = made(shell, Decimal("0.000000000001"), holder=holders[Level.TEAM], hard=False, on_unpriced="allow")
    assert first == Budget(
        id=first.id,
        holder=holders[Level.TEAM],
        period=Period.DAY,
        amount=Decimal("0.000000000001"),
        hard=False,
        on_unpriced="allow",
        created_at=NOW,
    )
    state = shell.read(lambda c: budget(c, first.id, NOW))
    assert (state.budget, state.spent, state.reserved, state.uncertain) == (first, 0, 0, 0)
    assert (state.left, state.ended_at) == (first.amount, None)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.DAY, "2026-05-28", "2026-05-29"),
        (Period.WEEK, "2026-05-25", "2026-06-01"),
        (Period.MONTH, "2026-05-01", "2026-06-01"),
        (Period.TOTAL, None, None),
    ],
)
def test_a_budgets_use_is_that_of_its_current_period(
    shell: BlockingBooks, period: Period, start: str | None, end: str | None
) -> None:
    def unix_ms(day: str) -> int:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)

    found = made(shell, Decimal("10"), period)
    began = unix_ms(start) if start else 0
    shell.change(use(found, began, "1.25", "0.5", "0.000001"))
    shell.change(use(found, began - DAY, "7", "0", "0"))
    state = shell.read(lambda c: budget(c, found.id, NOW))
    assert (state.period_start, state.resets_at) == (began, unix_ms(end) if end else None)
    assert (state.spent, state.reserved, state.uncertain) == (Decimal("1.25"), Decimal("0.5"), Decimal("0.000001"))
    assert state.left == Decimal("8.249999")
    if state.resets_at is not None:
        after = shell.read(lambda c: budget(c, found.id, state.resets_at or 0))
        assert (after.spent, after.left, after.period_start) == (0, 10, state.resets_at)


def test_what_is_left_is_never_below_nothing(shell: BlockingBooks) -> None:
    found = made(shell, period=Period.TOTAL, hard=False)
    shell.change(use(found, 0, "0.9", "0.2", "0"))
    assert shell.read(lambda c: budget(c, found.id, NOW)).left == 0


@pytest.mark.parametrize(
    "amount", ["0", "-1", "1000000.01", "0.0000000000001", "NaN", "Infinity", "-Infinity", "1e400", "1e-999999999"]
)
def test_an_amount_that_cannot_be_counted_exactly_is_refused(shell: BlockingBooks, amount: str) -> None:
    found = made(shell)
    for work in (
        lambda c: create_budget(c, GATEWAY, Decimal(amount), Period.DAY, now=NOW),
        lambda c: change_budget(c, found.id, NOW, amount=Decimal(amount)),
    ):
        with pytest.raises(BadRequest, match="in dollars") as refused:
            shell.change(work)
        assert refused.value.param == "amount"
    assert [state.budget for state in shell.read(lambda c: budgets(c, NOW))] == [found]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.decimals(min_value="0.000000000001", max_value=1_000_000, places=12))
def test_every_amount_that_is_taken_is_kept_exactly(shell: BlockingBooks, amount: Decimal) -> None:
    found = made(shell, amount)
    assert shell.read(lambda c: budget(c, found.id, NOW)).budget.amount == amount == found.amount


@pytest.mark.parametrize(
    "changes", [{}, {"amount": Decimal("2.5")}, {"hard": False}, {"on_unpriced": "allow"}, {"hard": True}]
)
def test_what_of_a_budget_is_named_changes_and_its_use_stays(shell: BlockingBooks, changes: Any) -> None:
    found = made(shell, period=Period.TOTAL)
    shell.change(use(found, 0, "0.75", "0", "0"))
    state = shell.change(lambda c: change_budget(c, found.id, NOW, **changes))
    assert (state.budget, state.spent) == (replace(found, **changes), Decimal("0.75"))


def test_a_budget_takes_two_answers_for_what_has_no_price(shell: BlockingBooks) -> None:
    with pytest.raises(BadRequest, match="refuse or allow"):
        made(shell, on_unpriced="perhaps")


def test_an_ended_budget_no_longer_applies_and_its_use_stays_readable(shell: BlockingBooks) -> None:
    found = made(shell)
    start = Period.DAY.start(NOW)
    shell.change(use(found, start, "0.25", "0", "0"))
    assert shell.change(lambda c: end_budget(c, found.id, NOW + 1)) == found
    assert shell.change(lambda c: end_budget(c, found.id, NOW + 2)) == found
    later = NOW + 40 * DAY
    state = shell.read(lambda c: budget(c, found.id, later))
    assert (state.spent, state.period_start, state.resets_at, state.ended_at) == (Decimal("0.25"), start, None, NOW + 1)
    assert shell.read(lambda c: budgets(c, later)) == []
    assert shell.read(lambda c: budgets(c, later, GATEWAY, ended=True)) == [state]
    assert shell.read(lambda c: applying(c, [GATEWAY])).budgets == ()
    with pytest.raises(BadRequest, match="has ended"):
        shell.change(lambda c: change_budget(c, found.id, later, hard=False))


def test_budgets_are_listed_the_oldest_first_of_everybody_or_of_one(
    shell: BlockingBooks, holders: dict[Level, Holder]
) -> None:
    first = made(shell, holder=holders[Level.KEY])
    second = made(shell, now=NOW + 1)
    third = made(shell, holder=holders[Level.KEY], period=Period.MONTH, now=NOW + 2)
    assert [state.budget for state in shell.read(lambda c: budgets(c, NOW))] == [first, second, third]
    of_key = shell.read(lambda c: budgets(c, NOW, holders[Level.KEY]))
    assert [state.budget for state in of_key] == [first, third]


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (lambda c: budget(c, "bud_x", NOW), "budget_not_found"),
        (lambda c: change_budget(c, "bud_x", NOW), "budget_not_found"),
        (lambda c: end_budget(c, "bud_x", NOW), "budget_not_found"),
        (lambda c: end_limit(c, "lim_x", NOW), "limit_not_found"),
        (lambda c: end_allowance(c, "alw_x", NOW), "allowance_not_found"),
    ],
)
def test_what_is_not_there_is_not_found(shell: BlockingBooks, work: Work, code: str) -> None:
    with pytest.raises(NotFound) as refused:
        shell.change(work)
    assert refused.value.code == code


# Credit.


def test_a_holder_has_one_credit_that_is_filled_up(shell: BlockingBooks, holders: dict[Level, Holder]) -> None:
    key = holders[Level.KEY]
    assert shell.read(lambda c: credit(c, key, NOW)) is None
    first = shell.change(lambda c: add_credit(c, key, Decimal("20.5"), " invoice 1 ", NOW))
    second = shell.change(lambda c: add_credit(c, Holder(Level.KEY, "build"), Decimal("-0.5"), "fee", NOW + 1))
    assert (
        second.budget
        == replace(first.budget, amount=Decimal(20))
        == Budget(
            id=first.budget.id, holder=key, period=Period.TOTAL, amount=Decimal(20), kind="credit", created_at=NOW
        )
    )
    shell.change(use(second.budget, 0, "7", "1", "0"))
    left = shell.read(lambda c: credit(c, key, NOW))
    assert left is not None
    assert (left.left, left.budget) == (12, second.budget)
    entries = shell.read(lambda c: credit_entries(c, key))
    assert [(entry.amount, entry.note, entry.created_at) for entry in entries] == [
        (Decimal("20.5"), "invoice 1", NOW),
        (Decimal("-0.5"), "fee", NOW + 1),
    ]
    assert sum(entry.amount for entry in entries) == left.budget.amount
    assert shell.read(lambda c: (credit(c, GATEWAY, NOW), credit_entries(c, GATEWAY))) == (None, [])


@pytest.mark.parametrize("amount", ["0", "-20.01", "999980.01", "NaN", "Infinity", "0.0000000000001"])
def test_credit_stays_between_nothing_and_a_million(shell: BlockingBooks, amount: str) -> None:
    before = shell.change(lambda c: add_credit(c, GATEWAY, Decimal(20), "", NOW))
    with pytest.raises(BadRequest, match=r"dollars|credit would be") as refused:
        shell.change(lambda c: add_credit(c, GATEWAY, Decimal(amount), "", NOW))
    assert refused.value.param == "amount"
    assert shell.read(lambda c: credit(c, GATEWAY, NOW)) == before
    assert len(shell.read(lambda c: credit_entries(c, GATEWAY))) == 1


def test_credit_can_be_taken_back_to_nothing_but_not_begun_with_less(shell: BlockingBooks) -> None:
    with pytest.raises(BadRequest, match=r"would be \$-1;"):
        shell.change(lambda c: add_credit(c, GATEWAY, Decimal(-1), "", NOW))
    shell.change(lambda c: add_credit(c, GATEWAY, ONE, "", NOW))
    assert shell.change(lambda c: add_credit(c, GATEWAY, -ONE, "", NOW)).budget.amount == 0


@pytest.mark.parametrize("changes", [{"amount": ONE}, {"hard": False}])
def test_credit_is_paid_in_and_not_changed(shell: BlockingBooks, changes: Any) -> None:
    state = shell.change(lambda c: add_credit(c, GATEWAY, Decimal(20), "", NOW))
    with pytest.raises(BadRequest, match="is credit"):
        shell.change(lambda c: change_budget(c, state.budget.id, NOW, **changes))
    changed = shell.change(lambda c: change_budget(c, state.budget.id, NOW, on_unpriced="allow"))
    assert changed.budget == replace(state.budget, on_unpriced="allow")


def test_ended_credit_is_followed_by_another_one(shell: BlockingBooks) -> None:
    first = shell.change(lambda c: add_credit(c, GATEWAY, Decimal(20), "old", NOW))
    shell.change(lambda c: end_budget(c, first.budget.id, NOW))
    second = shell.change(lambda c: add_credit(c, GATEWAY, Decimal(5), "new", NOW + 1))
    assert (second.budget.id == first.budget.id, second.left) == (False, 5)
    assert [entry.note for entry in shell.read(lambda c: credit_entries(c, GATEWAY))] == ["old", "new"]


# Limits.


@pytest.mark.parametrize(
    ("unit", "amount", "window", "model"),
    [
        (LimitUnit.REQUESTS, "60", 60, None),
        (LimitUnit.IMAGES, "1", 1, "openai/gpt-image-1"),
        (LimitUnit.MEGAPIXELS, "0.000001", 2678400, "black-forest-labs/*"),
        (LimitUnit.TOKENS, "1000000000000", 3600, None),
        (LimitUnit.DOLLARS, "0.25", 60, None),
        (LimitUnit.CONCURRENT, "4", 60, "*"),
    ],
)
def test_a_limit_is_kept_as_it_was_made(
    shell: BlockingBooks, unit: LimitUnit, amount: str, window: int, model: str | None
) -> None:
    limit = shell.change(lambda c: create_limit(c, GATEWAY, unit, Decimal(amount), window, model, NOW))
    assert limit == Limit(
        id=limit.id,
        holder=GATEWAY,
        unit=unit,
        amount=Decimal(amount),
        window_seconds=window,
        model=model,
        created_at=NOW,
    )
    assert shell.read(list_limits) == [limit]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "1000000000001"}, "amount"),
        ({"amount": "0.0000001"}, "amount"),
        ({"amount": "0.5", "unit": LimitUnit.REQUESTS}, "amount"),
        ({"amount": "0.5", "unit": LimitUnit.IMAGES}, "amount"),
        ({"amount": "0.5", "unit": LimitUnit.TOKENS}, "amount"),
        ({"amount": "0.5", "unit": LimitUnit.CONCURRENT}, "amount"),
        ({"window": 0}, "window_seconds"),
        ({"window": 2678401}, "window_seconds"),
        ({"model": "OpenAI/*"}, "model"),
        ({"model": ""}, "model"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(shell: BlockingBooks, fields: Any, param: str) -> None:
    usual = {"unit": LimitUnit.MEGAPIXELS, "amount": "1", "window": 60, "model": None} | fields
    arguments = (usual["unit"], Decimal(usual["amount"]), usual["window"], usual["model"])
    with pytest.raises(BadRequest) as refused:
        shell.change(lambda c: create_limit(c, GATEWAY, *arguments, NOW))
    assert refused.value.param == param
    assert shell.read(list_limits) == []


def test_an_ended_limit_no_longer_applies(shell: BlockingBooks, holders: dict[Level, Holder]) -> None:
    of_team, of_all = (
        shell.change(lambda c, holder=holder: create_limit(c, holder, LimitUnit.REQUESTS, ONE, 60, None, NOW))
        for holder in (holders[Level.TEAM], GATEWAY)
    )
    assert shell.read(lambda c: list_limits(c, holders[Level.TEAM])) == [of_team]
    assert shell.change(lambda c: end_limit(c, of_team.id, NOW)) == of_team
    assert shell.read(list_limits) == [of_all]
    assert shell.read(lambda c: applying(c, [holders[Level.TEAM]])).limits == ()


# Allowances.


def test_an_allowance_is_counted_by_the_month(shell: BlockingBooks) -> None:
    made = shell.change(lambda c: create_allowance(c, GATEWAY, 100, NOW))
    month = Period.MONTH.start(NOW)
    row = {"allowance_id": made.id, "month_start": month, "requests": 7}
    shell.change(lambda c: c.execute(insert(tables.allowance_use).values(row)))
    [state] = shell.read(lambda c: allowances(c, NOW))
    assert (state.allowance, state.used, state.month_start) == (made, 7, month)
    [next_month] = shell.read(lambda c: allowances(c, Period.MONTH.end(NOW) or 0, GATEWAY))
    assert (next_month.used, next_month.month_start) == (0, Period.MONTH.end(NOW))


def test_an_ended_allowance_no_longer_applies(shell: BlockingBooks) -> None:
    made = shell.change(lambda c: create_allowance(c, GATEWAY, 100, NOW))
    assert shell.change(lambda c: end_allowance(c, made.id, NOW)) == made
    assert shell.read(lambda c: (allowances(c, NOW), applying(c, [GATEWAY]).allowances)) == ([], ())


@pytest.mark.parametrize("requests", [0, -1, 10**12 + 1])
def test_an_allowance_is_a_number_of_requests(shell: BlockingBooks, requests: int) -> None:
    with pytest.raises(BadRequest) as refused:
        shell.change(lambda c: create_allowance(c, GATEWAY, requests, NOW))
    assert refused.value.param == "requests"
