"""Sums of usage: from days and hours, by whatever they are asked, and equal to the ledger they were made of."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, insert, or_

from penstock.core.errors import BadRequest, NotFound
from penstock.core.principal import Scope
from penstock.core.spending import Period
from penstock.store import tables
from penstock.store.db import Database
from penstock.store.inserts import adding_up_days, adding_up_hours, inserting_requests
from penstock.store.keys import NewKey, create_key
from penstock.store.people import create_organisation, create_team, create_user
from penstock.store.reconcile import reconcile
from penstock.store.requests import Place, RequestFilter, export_rows, list_requests, request_detail
from penstock.store.rows import RequestRow
from penstock.store.spent import spent_by_keys
from penstock.store.sums import DAY_MS, HOUR_MS, shares
from penstock.store.usage import GROUPS, MOST_ROWS, UsageRow, covered, total, usage
from penstock.telemetry import metrics
from tests.store.samples import NOW, attempt, link, request

DAY = NOW // DAY_MS * DAY_MS
DOLLAR = 10**12


@pytest.fixture
def c(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


def record(c: Connection, *rows: RequestRow) -> None:
    """Rows with their sums, as the ledger writes them."""
    dialect = c.dialect
    for insertion, values in (
        (inserting_requests(dialect), rows),
        (adding_up_hours(dialect), [shares(row)[0] for row in rows]),
        (adding_up_days(dialect), [shares(row)[1] for row in rows]),
    ):
        insertion.run(c, [insertion.bind(value) for value in values])


def made(id: str = "req_1", **fields: Any) -> RequestRow:
    """A good request of 30 cents."""
    known = {
        "status": 200,
        "model": "maker/flux",
        "provider": "bfl",
        "operation": "image_generation",
        "key_id": "key_1",
        "cost_pico": 3 * DOLLAR // 10,
        "charged_pico": 3 * DOLLAR // 10,
        "images_delivered": 1,
        "output_pixels": 3 << 19,
        "text_tokens_in": 4,
        "image_tokens_in": 1,
        "text_tokens_out": 7,
        "latency_ms": 100,
    }
    return request(id, **{**known, **fields})


def test_a_request_is_told_with_everything_it_adds_up_to(c: Connection) -> None:
    record(c, made(uncertain_pico=DOLLAR // 50, cache="hit_exact"))
    assert usage(c, ["model"], DAY, DAY + DAY_MS) == [
        UsageRow(
            group={"model": "maker/flux"},
            names={},
            requests=1,
            failed=0,
            unpriced=0,
            images=1,
            megapixels=Decimal("1.5"),
            tokens_in=5,
            tokens_out=7,
            cost=Decimal("0.3"),
            charged=Decimal("0.3"),
            uncertain=Decimal("0.02"),
            cache_hits=1,
            latency_ms=100.0,
        )
    ]


def test_what_is_not_known_is_not_zero(c: Connection) -> None:
    record(c, made("req_1", cost_pico=None, charged_pico=None), made("req_2", model=None, status=404, cost_pico=0))
    by_model = {row.group["model"]: row for row in usage(c, ["model"], DAY, DAY + DAY_MS)}
    assert (by_model["maker/flux"].cost, by_model["maker/flux"].charged, by_model["maker/flux"].unpriced) == (
        None,
        None,
        1,
    )
    assert (by_model[None].cost, by_model[None].failed, by_model[None].unpriced) == (Decimal(0), 1, 0)
    assert by_model[None].shown("model") == "-"


def test_nothing_used_is_no_row(c: Connection) -> None:
    record(c, made())
    assert usage(c, ["model"], DAY - DAY_MS, DAY) == usage(c, [], 0, 0) == []
    assert total([]).cost == Decimal(0) and total([]).latency_ms is None


@pytest.mark.parametrize(
    ("since", "until", "widened"),
    [(0, 1, (0, HOUR_MS)), (HOUR_MS, HOUR_MS, (HOUR_MS, HOUR_MS)), (HOUR_MS + 1, 3 * HOUR_MS, (HOUR_MS, 3 * HOUR_MS))],
)
def test_a_range_is_widened_to_whole_hours(since: int, until: int, widened: tuple[int, int]) -> None:
    assert covered(since, until) == widened


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        (["model"], [("maker/flux",), ("maker/chat",)]),
        (["provider"], [("bfl",), ("openai",)]),
        (["operation"], [("image_generation",), ("chat",)]),
        (["day"], [("2026-05-28",), ("2026-05-29",)]),
        (["hour"], [("2026-05-28T20:00:00Z",), ("2026-05-29T02:00:00Z",)]),
        (["day", "model"], [("2026-05-28", "maker/flux"), ("2026-05-29", "maker/chat")]),
        ([], [()]),
        (["model", "model"], [("maker/flux",), ("maker/chat",)]),
    ],
)
def test_usage_is_grouped_by_what_is_asked(c: Connection, by: list[str], groups: list[tuple[str, ...]]) -> None:
    chat = made(
        "req_2",
        model="maker/chat",
        provider="openai",
        operation="chat",
        created_at=NOW + 6 * HOUR_MS,
        cost_pico=DOLLAR // 10,
    )
    record(c, made(), chat)
    rows = usage(c, by, DAY - 5 * HOUR_MS, DAY + 2 * DAY_MS)
    assert [tuple(row.group.values()) for row in rows] == groups
    assert total(rows).cost == Decimal("0.4")


def test_holders_are_told_by_name_and_found_by_it(c: Connection) -> None:
    organisation = create_organisation(c, "Lighthouse", NOW)
    team = create_team(c, "Lighthouse", "Design", NOW)
    user = create_user(c, "Lighthouse", "Ada", NOW)
    key, _ = create_key(c, NewKey("website", [Scope.INFERENCE], team=team.id, user=user.id), NOW)
    theirs = {"key_id": key.id, "organisation_id": organisation.id, "team_id": team.id, "member_id": user.id}
    record(c, made("req_1", **theirs), made("req_2"))
    named = {"key": "website", "organisation": "Lighthouse", "team": "Design", "user": "Ada"}
    rows = usage(c, list(named), DAY, DAY + DAY_MS)
    assert [row.names for row in rows if row.names] == [named]
    for kind, name in named.items():
        (row,) = usage(c, [kind], DAY, DAY + DAY_MS, {kind: name})
        assert (row.requests, row.shown(kind)) == (1, name)
    with pytest.raises(NotFound):
        usage(c, ["team"], DAY, DAY + DAY_MS, {"team": "Sales"})


@pytest.mark.parametrize(
    ("by", "where", "since", "says"),
    [
        (["modle"], {}, DAY, "Did you mean `model`"),
        (["zzz"], {}, DAY, "Known here: model, provider"),
        (["model"], {"day": "2026-05-28"}, DAY, "Known here: model"),
        (["model"], {}, DAY + 3 * DAY_MS, "ends before it begins"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    c: Connection, by: list[str], where: Mapping[str, str], since: int, says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        usage(c, by, since, DAY + DAY_MS, where)


def test_more_rows_than_anybody_reads_are_refused(c: Connection) -> None:
    record(c, *(made(f"req_{number}", key_id=f"key_{number}") for number in range(MOST_ROWS + 1)))
    with pytest.raises(BadRequest, match="shorter range"):
        usage(c, ["key"], DAY, DAY + DAY_MS)
    assert len(usage(c, ["key"], DAY, DAY + DAY_MS, {"model": "maker/chat"})) == 0


_ENGINE = create_engine("sqlite://")
tables.metadata.create_all(_ENGINE)

_ROWS = st.builds(
    made,
    created_at=st.integers(DAY - 3 * DAY_MS, DAY + 3 * DAY_MS),
    model=st.sampled_from(["a", "b", None]),
    key_id=st.sampled_from(["k1", "k2"]),
    status=st.sampled_from([200, 502]),
    cost_pico=st.none() | st.integers(0, DOLLAR),
    latency_ms=st.integers(0, 1000),
)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(_ROWS, max_size=12),
    since=st.integers(DAY - 4 * DAY_MS, DAY + 2 * DAY_MS),
    length=st.integers(0, 5 * DAY_MS),
    by=st.lists(st.sampled_from(["model", "key", "day", "hour"]), unique=True),
)
def test_sums_of_any_range_are_those_of_its_requests(
    rows: list[RequestRow], since: int, length: int, by: list[str]
) -> None:
    rows = [replace(row, id=f"req_{number}") for number, row in enumerate(rows)]
    first, end = covered(since, since + length)
    inside = [row for row in rows if first <= row.created_at < end]
    with _ENGINE.connect() as c:  # closed without a commit, so the next example finds it empty
        record(c, *rows)
        found = usage(c, by, since, since + length)
    assert sum(row.requests for row in found) == len(inside)
    assert sum(row.failed for row in found) == sum(row.status >= 400 for row in inside)
    assert sum((row.cost or 0) * DOLLAR for row in found) == sum(row.cost_pico or 0 for row in inside)
    assert round(sum((row.latency_ms or 0) * row.requests for row in found)) == sum(row.latency_ms for row in inside)
    assert len({tuple(row.group.items()) for row in found}) == len(found)


def test_thirty_days_are_read_from_the_days_and_only_the_edges_from_the_hours(c: Connection) -> None:
    until = DAY + 13 * HOUR_MS + 5
    record(c, *(made(f"req_{number}", created_at=until - number * HOUR_MS) for number in range(1, 31 * 24)))
    seen: list[str] = []
    c.connection.set_trace_callback(seen.append)  # type: ignore[attr-defined]
    told = usage(c, ["model"], until - 30 * DAY_MS, until)
    c.connection.set_trace_callback(None)  # type: ignore[attr-defined]
    (asked,) = [line for line in seen if "usage_days" in line]
    plan = [row[3] for row in c.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}")]
    read = [line for line in plan if "usage_" in line]
    assert len(read) == 3 and all(line.startswith("SEARCH") for line in read), plan
    first_day = DAY - 29 * DAY_MS
    c.execute(delete(tables.usage_hours).where(tables.usage_hours.c.hour >= first_day, tables.usage_hours.c.hour < DAY))
    c.execute(delete(tables.usage_days).where(or_(tables.usage_days.c.day < first_day, tables.usage_days.c.day >= DAY)))
    assert usage(c, ["model"], until - 30 * DAY_MS, until) == told
    assert told[0].requests == 30 * 24


# What keys have spent.


def test_what_a_key_has_spent_is_told_by_period(c: Connection) -> None:
    key, _ = create_key(c, NewKey("website", [Scope.INFERENCE]), NOW)
    idle, _ = create_key(c, NewKey("idle", [Scope.INFERENCE]), NOW)
    starts = {period: period.start(NOW) for period in Period}
    times = [NOW, starts[Period.DAY] - 1, starts[Period.WEEK] - 1, starts[Period.MONTH] - 1]
    record(
        c,
        *(made(f"req_{n}", key_id=key.id, created_at=time, charged_pico=DOLLAR) for n, time in enumerate(times)),
        made("req_other", charged_pico=DOLLAR),
    )
    spent = spent_by_keys(c, [key.id, idle.id], NOW)
    told = spent[key.id]
    assert told.last_used_at == NOW and told.total == 4 and told.day == 1
    assert told.week == sum(time >= starts[Period.WEEK] for time in times)
    assert told.month == sum(time >= starts[Period.MONTH] for time in times)
    assert (spent[idle.id].total, spent[idle.id].last_used_at) == (0, None)


# The ledger looked at.


def ids(page: Any) -> list[str]:
    return [row.id for row in page.rows]


def test_requests_are_listed_newest_first_page_by_page(c: Connection) -> None:
    rows = [made(f"req_{number}", created_at=NOW + number // 2) for number in range(7)]
    record(c, *rows)
    listed, before = [], None
    while True:
        page = list_requests(c, RequestFilter(), before, limit=3)
        listed += ids(page)
        if page.next is None:
            break
        before = Place.read(str(page.next))
    assert listed == [f"req_{number}" for number in reversed(range(7))]


def test_an_export_is_read_oldest_first_batch_by_batch(c: Connection) -> None:
    record(c, *(made(f"req_{number}", created_at=NOW + number // 2) for number in range(7)))
    first = export_rows(c, NOW, NOW + 3, limit=4)
    second = export_rows(c, NOW, NOW + 3, first.next, limit=4)
    assert ids(first) + ids(second) == [f"req_{number}" for number in range(6)]
    assert second.next is None


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({"where": {"model": "maker/flux"}}, ["req_1"]),
        ({"where": {"provider": "openai"}}, ["req_2"]),
        ({"status": "failed"}, ["req_2"]),
        ({"status": "succeeded"}, ["req_1"]),
        ({"status": "502"}, ["req_2"]),
        ({"since_ms": NOW + 1}, ["req_2"]),
        ({"until_ms": NOW + 1}, ["req_1"]),
        ({}, ["req_2", "req_1"]),
    ],
)
def test_requests_are_found_by_what_is_known_of_them(c: Connection, which: Any, found: list[str]) -> None:
    record(c, made(), made("req_2", model="maker/chat", provider="openai", status=502, created_at=NOW + 1))
    assert ids(list_requests(c, RequestFilter(**which))) == found


@pytest.mark.parametrize("status", ["good", "99", "1000"])
def test_a_status_there_is_not_is_refused(c: Connection, status: str) -> None:
    with pytest.raises(BadRequest, match="status"):
        list_requests(c, RequestFilter(status=status))


@pytest.mark.parametrize("text", ["", "req_1", "1.", "x.req_1", "1.req 1"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="next"):
        Place.read(text)


def test_a_request_is_told_with_its_attempts_its_pictures_and_its_prompt(c: Connection) -> None:
    record(c, made())
    c.execute(insert(tables.attempts), [{"id": f"att_{n}", **_columns(attempt(number=n))} for n in (2, 1)])
    c.execute(insert(tables.asset_links).values(request_id="req_1", role="output", position=0, digest="d1"))
    c.execute(insert(tables.prompts).values(request_id="req_1", created_at=NOW, body={"prompt": "a boat"}))
    found = request_detail(c, "req_1", key_id="key_1")
    assert (found.request, [row.number for row in found.attempts]) == (made(), [1, 2])
    assert (found.links, found.prompt) == ([link()], {"prompt": "a boat"})
    for hidden in (("req_2", None), ("req_1", "key_2")):
        with pytest.raises(NotFound) as raised:
            request_detail(c, *hidden)
        assert raised.value.code == "request_not_found"


def _columns(row: Any) -> dict[str, Any]:
    names = ("request_id", "number", "provider", "upstream", "operation", "started_at", "outcome")
    return {name: getattr(row, name) for name in names}


# What providers state.


def stated(id: str, cost: int, computed: int | None, **fields: Any) -> RequestRow:
    return made(id, cost_source="stated", cost_pico=cost, cost_computed_pico=computed, **fields)


@pytest.mark.parametrize(
    ("cost", "computed", "differs"),
    [(1000, 1000, 0), (1010, 1000, 0), (1011, 1000, 1), (990, 1000, 0), (989, 1000, 1), (0, 0, 0), (1, 0, 1)],
)
def test_a_cost_differs_where_it_is_more_than_one_percent_away_from_ours(
    c: Connection, cost: int, computed: int, differs: int
) -> None:
    record(c, stated("req_1", cost, computed))
    counted = metrics.Metrics()
    counted.observe(stated("req_1", cost, computed))
    assert reconcile(c, DAY, DAY + DAY_MS).total.differing == differs
    assert 'penstock_cost_mismatch_total{model="maker/flux"' in (told := counted.text(metrics.Standing()).decode())
    assert f"}} {differs}.0" in next(line for line in told.splitlines() if line.startswith("penstock_cost_mismatch_t"))


def test_a_reconciliation_adds_up_what_differs_and_what_nobody_knows(c: Connection) -> None:
    record(
        c,
        stated("req_1", 3 * DOLLAR, 2 * DOLLAR),
        stated("req_2", 5 * DOLLAR, 5 * DOLLAR),
        stated("req_3", DOLLAR, 2 * DOLLAR, provider="openai", model="maker/chat"),
        stated("req_4", DOLLAR, None),
        made("req_5", cost_source="usage", cost_computed_pico=DOLLAR),
        made("req_6", status=502, cost_pico=0, uncertain_pico=DOLLAR // 2),
        made("req_7", cost_pico=None),
        stated("req_8", 9 * DOLLAR, DOLLAR, created_at=NOW + 2 * DAY_MS),
    )
    found = reconcile(c, DAY, DAY + DAY_MS)
    lines = {(line.provider, line.model): line for line in found.lines}
    flux, chat = lines["bfl", "maker/flux"], lines["openai", "maker/chat"]
    assert (flux.requests, flux.compared, flux.differing, flux.unknown) == (6, 2, 1, 1)
    assert (flux.stated, flux.computed, flux.difference) == (3, 2, 1)
    assert (flux.uncertain_requests, flux.uncertain) == (1, Decimal("0.5"))
    assert (chat.stated, chat.computed, chat.difference) == (1, 2, -1)
    assert (found.total.requests, found.total.compared, found.total.differing) == (7, 3, 2)
    assert (found.total.stated, found.total.computed, found.total.difference) == (4, 4, 0)
    assert [example.request_id for example in found.examples] == ["req_1", "req_3"]
    assert set(GROUPS) >= {"model", "provider"}
