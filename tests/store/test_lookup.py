"""The key of a request: what it opens, and that every change counts for the very next one."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import Connection

from penstock.core.principal import Principal, Scope
from penstock.core.spending import GATEWAY, Holder, Level, LimitUnit, Period
from penstock.store.books import BlockingBooks, Books
from penstock.store.db import Database
from penstock.store.keys import Key, NewKey, change_key, create_key, revoke_key, rotate_key
from penstock.store.lookup import Keys, Refused
from penstock.store.people import (
    archive_organisation,
    archive_team,
    archive_user,
    create_organisation,
    create_team,
    create_user,
)
from penstock.store.spending import create_allowance, create_budget, create_limit, end_budget
from tests.store.samples import NOW, HandClock


@pytest.fixture
def reads(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each read of the database."""
    seen: list[int] = []
    read = database.read

    async def counted(work: Any) -> Any:
        seen.append(1)
        return await read(work)

    monkeypatch.setattr(database, "read", counted)
    return seen


def create(name: str = "build", **fields: Any) -> Callable[[Connection], tuple[Key, str]]:
    return lambda c: create_key(c, NewKey(name, [Scope.READ], **fields), NOW)


def create_for_everybody(c: Connection) -> tuple[Key, str]:
    """A key with somebody at every level above it."""
    create_organisation(c, "acme", NOW)
    create_team(c, "acme", "posters", NOW)
    create_user(c, "acme", "ann", NOW)
    return create_key(c, NewKey("build", [Scope.READ], team="posters", user="ann"), NOW)


def refusal(found: Principal | Refused) -> str | None:
    return found.reason if isinstance(found, Refused) else None


async def test_a_key_opens_what_it_is_restricted_to(keys: Keys, books: Books) -> None:
    restrictions = {"models": ["openai/*"], "providers": ["bfl"], "addresses": ["10.0.0.1/8", "::1"]}
    key, secret = await books.change(create(**restrictions))
    assert await keys.find(secret) == Principal(
        key.id,
        "build",
        frozenset({Scope.READ}),
        models=("openai/*",),
        providers=("bfl",),
        addresses=(ip_network("10.0.0.0/8"), ip_network("::1")),
    )


@pytest.mark.parametrize("wrong", ["", "psk_", "sk-something", "psk_" + "A" * 43, "\udcff", "ключ"])
async def test_a_key_that_was_never_made_is_unknown(keys: Keys, books: Books, wrong: str) -> None:
    await books.change(create())
    assert refusal(await keys.find(wrong)) == "unknown"


async def test_a_key_expires_to_the_millisecond(keys: Keys, books: Books, clock: HandClock) -> None:
    _, secret = await books.change(create(expires_at=NOW + 500))
    clock.seconds = (NOW + 499) / 1000
    assert refusal(await keys.find(secret)) is None
    clock.seconds = (NOW + 500) / 1000
    assert refusal(await keys.find(secret)) == "expired"


@pytest.mark.parametrize("expires_at", [None, NOW + 700, NOW + 300])
async def test_the_secret_before_a_rotation_works_until_the_overlap_or_the_key_ends(
    keys: Keys, books: Books, clock: HandClock, expires_at: int | None
) -> None:
    key, before = await books.change(create(expires_at=expires_at))
    _, after = await books.change(lambda c: rotate_key(c, key.id, 1, NOW - 500))
    end = min(NOW + 500, expires_at or NOW + 500)
    clock.seconds = (end - 1) / 1000
    assert await keys.find(before) == await keys.find(after) == Principal(key.id, "build", frozenset({Scope.READ}))
    clock.seconds = end / 1000
    assert refusal(await keys.find(before)) == ("expired" if end == expires_at else "rotated")
    assert refusal(await keys.find(after)) == ("expired" if end == expires_at else None)


async def test_a_rotation_without_overlap_ends_the_secret_at_once_and_a_second_one_the_first(
    keys: Keys, books: Books
) -> None:
    key, first = await books.change(create())
    _, second = await books.change(lambda c: rotate_key(c, key.id, 0, NOW))
    assert [refusal(await keys.find(secret)) for secret in (first, second)] == ["rotated", None]
    _, third = await books.change(lambda c: rotate_key(c, key.id, 60, NOW))
    assert [refusal(await keys.find(secret)) for secret in (first, second, third)] == ["unknown", None, None]
    await books.change(lambda c: revoke_key(c, key.id, NOW))
    assert [refusal(await keys.find(secret)) for secret in (second, third)] == ["revoked", "revoked"]


@pytest.mark.parametrize(
    ("archive", "who"), [(archive_organisation, "acme"), (archive_team, "posters"), (archive_user, "ann")]
)
async def test_a_key_of_somebody_archived_opens_nothing(keys: Keys, books: Books, archive: Any, who: str) -> None:
    _, secret = await books.change(create_for_everybody)
    assert refusal(await keys.find(secret)) is None
    await books.change(lambda c: archive(c, who, NOW))
    found = await keys.find(secret)
    assert refusal(found) == "archived"
    assert isinstance(found, Refused)
    assert f"The {archive.__name__.partition('_')[2]} of this API key is archived" in found.message


async def test_what_bounds_a_key_is_its_own_and_that_of_everybody_above_it(keys: Keys, books: Books) -> None:
    key, secret = await books.change(create_for_everybody)
    _, other = await books.change(create("other"))
    above = [
        Holder(Level.KEY, key.id),
        Holder(Level.USER, key.user_id or ""),
        Holder(Level.TEAM, key.team_id or ""),
        Holder(Level.ORGANISATION, key.organisation_id or ""),
        GATEWAY,
    ]
    for holder in above:
        await books.change(lambda c, holder=holder: create_budget(c, holder, Decimal(1), Period.DAY, now=NOW))
        await books.change(
            lambda c, holder=holder: create_limit(c, holder, LimitUnit.IMAGES, Decimal(9), 60, "openai/*", NOW)
        )
        await books.change(lambda c, holder=holder: create_allowance(c, holder, 5, NOW))
    found, others = await keys.find(secret), await keys.find(other)
    assert isinstance(found, Principal)
    assert isinstance(others, Principal)
    for bounds in (found.budgets, found.limits, found.allowances):
        assert {bound.holder for bound in bounds} == set(above)
    for bounds in (others.budgets, others.limits, others.allowances):
        assert {bound.holder for bound in bounds} == {GATEWAY}


CHANGES: dict[str, tuple[Callable[[Connection, Key], Any], Callable[[Any], bool]]] = {
    "revoked": (lambda c, key: revoke_key(c, key.id, NOW), lambda found: refusal(found) == "revoked"),
    "rotated": (lambda c, key: rotate_key(c, key.id, 0, NOW), lambda found: refusal(found) == "rotated"),
    "restricted": (
        lambda c, key: change_key(c, key.id, NOW, models=["sandbox/*"]),
        lambda found: found.models == ("sandbox/*",),
    ),
    "archived": (lambda c, key: archive_team(c, "posters", NOW), lambda found: refusal(found) == "archived"),
    "budgeted": (
        lambda c, key: create_budget(c, GATEWAY, Decimal(1), Period.TOTAL, now=NOW),
        lambda found: len(found.budgets) == 2,
    ),
    "freed": (
        lambda c, key: end_budget(c, c.exec_driver_sql("select id from budgets").scalar() or "", NOW),
        lambda found: found.budgets == (),
    ),
    "limited": (
        lambda c, key: create_limit(c, GATEWAY, LimitUnit.REQUESTS, Decimal(1), 1, None, NOW),
        lambda found: len(found.limits) == 1,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("by", ["endpoint", "command line"])
async def test_what_is_changed_anywhere_counts_for_the_very_next_request(
    keys: Keys, books: Books, shell: BlockingBooks, by: str, change: str
) -> None:
    key, secret = await books.change(create_for_everybody)
    await books.change(lambda c: create_budget(c, Holder(Level.KEY, key.id), Decimal(1), Period.DAY, now=NOW))
    work, seen = CHANGES[change]
    assert not seen(await keys.find(secret))
    if by == "endpoint":
        await books.change(lambda c: work(c, key))
    else:
        shell.change(lambda c: work(c, key))
    assert seen(await keys.find(secret))


async def test_a_request_does_not_share_a_read_that_began_before_a_change(
    keys: Keys, shell: BlockingBooks, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = shell.change(create())
    read, has_read, may_answer = database.read, asyncio.Event(), asyncio.Event()

    async def slow(work: Any) -> Any:
        found = await read(work)
        has_read.set()
        await may_answer.wait()
        return found

    monkeypatch.setattr(database, "read", slow)
    before = asyncio.create_task(keys.find(secret))
    await has_read.wait()
    shell.change(lambda c: revoke_key(c, key.id, NOW))
    after = asyncio.create_task(keys.find(secret))
    await asyncio.sleep(0)
    may_answer.set()
    assert isinstance(await before, Principal)
    assert refusal(await after) == "revoked"
    assert refusal(await keys.find(secret)) == "revoked"


@pytest.mark.parametrize("known", [True, False])
async def test_a_key_is_read_once_a_second_at_most(
    keys: Keys, books: Books, clock: HandClock, reads: list[int], known: bool
) -> None:
    _, secret = await books.change(create())
    asked = secret if known else "psk_wrong"
    await asyncio.gather(*(keys.find(asked) for _ in range(64)))
    clock.seconds += 0.75
    await keys.find(asked)
    assert len(reads) == 1
    clock.seconds += 0.25
    await keys.find(asked)
    assert len(reads) == 2


async def test_what_is_changed_without_saying_so_counts_within_a_second(
    keys: Keys, books: Books, clock: HandClock, database: Database
) -> None:
    key, secret = await books.change(create())
    assert refusal(await keys.find(secret)) is None
    with database.begin() as connection:
        revoke_key(connection, key.id, NOW)
    clock.seconds += 1
    assert refusal(await keys.find(secret)) == "revoked"


async def test_a_flood_of_wrong_keys_pushes_no_right_one_out(keys: Keys, books: Books, reads: list[int]) -> None:
    _, secret = await books.change(create())
    await keys.find(secret)
    for number in range(1_001):
        await keys.find(f"psk_{number}")
    reads.clear()
    await keys.find(secret)
    await keys.find("psk_1000")
    assert len(reads) == 0
    await keys.find("psk_0")
    assert len(reads) == 1


async def test_a_caller_that_hangs_up_does_not_take_the_answer_from_the_others(keys: Keys, books: Books) -> None:
    _, secret = await books.change(create())
    first, second = (asyncio.create_task(keys.find(secret)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert isinstance(await second, Principal)
    assert first.cancelled()
