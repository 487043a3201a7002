"""What pages ask of the ledger: several values at once, courses of spending, pictures, copies, fallbacks."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from penstock.core.spending import Level
from penstock.store import tables
from penstock.store.courses import courses
from penstock.store.db import Database
from penstock.store.requests import (
    RequestFilter,
    copies_of,
    first_pictures,
    list_requests,
    pictures_of,
)
from penstock.store.sums import DAY_MS
from penstock.store.usage import anything_used, usage
from tests.store.samples import NOW
from tests.store.test_usage import DAY, DOLLAR, made, record


@pytest.fixture
def c(database: Database) -> Iterator[Connection]:
    with database.begin() as connection:
        yield connection


def test_usage_is_told_of_several_values_and_of_what_is_not_known(c: Connection) -> None:
    record(c, made("req_1", app="one"), made("req_2", app="two"), made("req_3", app=None), made("req_4", app="three"))
    rows = usage(c, ["app"], DAY, DAY + DAY_MS, among={"app": ["one", "three", ""]})
    assert {row.group["app"] for row in rows} == {"one", "three", None}
    assert not usage(c, ["app"], DAY, DAY + DAY_MS, {"app": "two"}, among={"app": ["one"]}), "both count"


def test_the_first_groups_are_the_dearest(c: Connection) -> None:
    record(c, *(made(f"req_{n}", app=f"app {n}", cost_pico=n * DOLLAR) for n in range(1, 6)))
    assert [row.group["app"] for row in usage(c, ["app"], DAY, DAY + DAY_MS, first=2)] == ["app 5", "app 4"]


def test_nothing_was_used_before_the_first_request(c: Connection) -> None:
    assert not anything_used(c)
    record(c, made())
    assert anything_used(c)


def test_a_course_is_what_counted_on_each_day(c: Connection) -> None:
    record(
        c,
        made("req_1", created_at=DAY, key_id="key_1", charged_pico=DOLLAR),
        made("req_2", created_at=DAY + 5, key_id="key_1", charged_pico=2 * DOLLAR),
        made("req_3", created_at=DAY + DAY_MS, key_id="key_1", charged_pico=DOLLAR, model="another"),
        made("req_4", created_at=DAY + DAY_MS, key_id="key_2", charged_pico=7 * DOLLAR),
        made("req_5", created_at=DAY - DAY_MS, key_id="key_1", charged_pico=9 * DOLLAR),
        made("req_6", created_at=DAY, key_id=None, charged_pico=0),
    )
    first, second = date(2026, 5, 28), date(2026, 5, 29)
    found = courses(c, Level.KEY, ["key_1", "key_3"], DAY + 77)
    assert found == {"key_1": {first: Decimal(3), second: Decimal(1)}}
    assert courses(c, Level.GATEWAY, [""], DAY)[""] == {first: Decimal(3), second: Decimal(8)}


def asset(c: Connection, digest: str) -> None:
    c.execute(
        insert(tables.assets).values(
            digest=digest, media_type="image/png", width=30, height=20, bytes=9, created_at=NOW
        )
    )


def link(c: Connection, request_id: str, digest: str, **fields: Any) -> None:
    known = {"request_id": request_id, "role": "output", "position": 0, "digest": digest}
    c.execute(insert(tables.asset_links).values({**known, **fields}))


def test_the_first_picture_of_each_request_is_found_in_one_question(c: Connection) -> None:
    record(c, made("req_1"), made("req_2"), made("req_3"))
    for digest in ("aa", "bb"):
        asset(c, digest)
    link(c, "req_1", "bb", position=1)
    link(c, "req_1", "aa", position=0)
    link(c, "req_1", "bb", role="alternative")
    link(c, "req_2", "gone")
    link(c, "req_2", "bb", position=1)
    link(c, "req_3", "aa", role="reference")
    found = first_pictures(c, ["req_1", "req_2", "req_3"])
    assert {id: picture.digest for id, picture in found.items()} == {"req_1": "aa", "req_2": "bb"}
    assert (found["req_1"].width, found["req_1"].height) == (30, 20)
    assert [(p.role, p.digest, p.width) for p in pictures_of(c, ["req_2"])] == [
        ("output", "gone", None),
        ("output", "bb", 30),
    ]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (RequestFilter(), {"req_1", "req_2", "req_3"}),
        (RequestFilter(copies=False), {"req_1", "req_2"}),
        (RequestFilter(copies=True), {"req_3"}),
        (RequestFilter(fallback=True), {"req_2"}),
        (RequestFilter(without=("app",)), {"req_1", "req_3"}),
        (RequestFilter(without=("key", "app")), {"req_3"}),
    ],
)
def test_requests_are_found_by_what_pages_ask(c: Connection, which: RequestFilter, found: set[str]) -> None:
    record(
        c,
        made("req_1"),
        made("req_2", fallback_used=True, app="Poster"),
        made("req_3", mirror_of="req_1", key_id=None),
    )
    assert {row.id for row in list_requests(c, which).rows} == found


def test_copies_are_found_from_what_they_are_copies_of(c: Connection) -> None:
    original = made("req_1")
    record(c, original, made("req_2", mirror_of="req_1"), made("req_3", mirror_of="req_9"))
    assert copies_of(c, original) == ["req_2"]
