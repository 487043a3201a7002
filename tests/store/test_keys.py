"""Keys: shown once, kept as a hash, and what happens to one counts within a second."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from penstock.core.errors import BadRequest, NotFound
from penstock.core.principal import Principal, Scope
from penstock.store.db import Database
from penstock.store.keys import BlockingKeys, Keys, Refused
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


def refusal(found: Principal | Refused) -> str | None:
    return found.reason if isinstance(found, Refused) else None


async def test_a_new_key_opens_the_gateway_for_its_scopes(keys: Keys) -> None:
    key, plaintext = await keys.create(" build ", [Scope.INFERENCE, Scope.READ])
    assert re.fullmatch(r"psk_[A-Za-z0-9_-]{43}", plaintext)
    assert key.hint == f"{plaintext[:8]}...{plaintext[-4:]}"
    assert (key.name, key.created_at, key.expires_at, key.revoked_at) == ("build", NOW, None, None)
    assert await keys.find(plaintext) == Principal(key.id, "build", frozenset({Scope.INFERENCE, Scope.READ}))
    assert await keys.list() == [key]


async def test_the_key_itself_is_nowhere_in_the_database(keys: Keys, database: Database) -> None:
    _, plaintext = await keys.create("build", [Scope.ADMIN])
    files = b"".join(path.read_bytes() for path in Path(database.path).parent.iterdir())
    assert b"build" in files
    assert plaintext.encode() not in files
    assert plaintext[10:30].encode() not in files


@pytest.mark.parametrize(("name", "scopes"), [("", [Scope.READ]), ("  ", [Scope.READ]), ("x", []), ("x", ["public"])])
async def test_a_key_without_a_name_or_a_scope_is_not_made(keys: Keys, name: str, scopes: list[Scope]) -> None:
    with pytest.raises(BadRequest, match="A key needs"):
        await keys.create(name, scopes)
    assert await keys.list() == []


@pytest.mark.parametrize("wrong", ["", "psk_", "sk-something", "psk_" + "A" * 43, "\udcff", "ключ"])
async def test_a_key_that_was_never_made_is_unknown(keys: Keys, wrong: str) -> None:
    await keys.create("build", [Scope.ADMIN])
    assert refusal(await keys.find(wrong)) == "unknown"


@pytest.mark.parametrize("by", ["id", "name", "hint"])
async def test_a_key_is_revoked_by_its_id_name_or_hint_at_once(keys: Keys, clock: HandClock, by: str) -> None:
    _, other = await keys.create("other", [Scope.READ])
    key, plaintext = await keys.create("build", [Scope.READ])
    await keys.find(plaintext)
    clock.seconds += 0.25
    revoked = await keys.revoke(getattr(key, by))
    assert (revoked.id, revoked.revoked_at) == (key.id, NOW + 250)
    assert refusal(await keys.find(plaintext)) == "revoked"
    assert refusal(await keys.find(other)) is None
    clock.seconds += 60
    assert await keys.revoke(key.id) == revoked


async def test_revoking_says_when_no_key_or_several_are_meant(keys: Keys) -> None:
    first, _ = await keys.create("build", [Scope.READ])
    second, _ = await keys.create("build", [Scope.READ])
    with pytest.raises(NotFound, match="'bild'"):
        await keys.revoke("bild")
    with pytest.raises(BadRequest, match=f"2 keys are called 'build'.*{first.id}, {second.id}"):
        await keys.revoke("build")
    await keys.revoke(first.id)
    assert (await keys.revoke("build")).id == second.id


async def test_a_key_expires_to_the_millisecond(keys: Keys, clock: HandClock) -> None:
    _, plaintext = await keys.create("build", [Scope.READ], expires_at=NOW + 500)
    clock.seconds = (NOW + 499) / 1000
    assert refusal(await keys.find(plaintext)) is None
    clock.seconds = (NOW + 500) / 1000
    assert refusal(await keys.find(plaintext)) == "expired"


@pytest.mark.parametrize("known", [True, False])
async def test_a_key_is_read_once_a_second_at_most(keys: Keys, clock: HandClock, reads: list[int], known: bool) -> None:
    _, plaintext = await keys.create("build", [Scope.READ])
    asked = plaintext if known else "psk_wrong"
    await asyncio.gather(*(keys.find(asked) for _ in range(64)))
    clock.seconds += 0.75
    await keys.find(asked)
    assert len(reads) == 1
    clock.seconds += 0.25
    await keys.find(asked)
    assert len(reads) == 2


async def test_what_the_command_line_does_counts_within_a_second(
    keys: Keys, clock: HandClock, database: Database
) -> None:
    with Database.open(str(database.path)) as same_file:
        shell = BlockingKeys(same_file, clock)
        key, plaintext = shell.create("from the shell", [Scope.INFERENCE])
        assert await keys.find(plaintext) == Principal(key.id, "from the shell", frozenset({Scope.INFERENCE}))
        assert shell.list() == await keys.list() == [key]
        shell.revoke("from the shell")
    clock.seconds += 1
    assert refusal(await keys.find(plaintext)) == "revoked"


async def test_a_flood_of_wrong_keys_pushes_no_right_one_out(
    keys: Keys, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, plaintext = await keys.create("build", [Scope.READ])
    await keys.find(plaintext)
    for number in range(1_001):
        await keys.find(f"psk_{number}")
    reads.clear()
    await keys.find(plaintext)
    await keys.find("psk_1000")
    assert len(reads) == 0
    await keys.find("psk_0")
    assert len(reads) == 1


async def test_a_caller_that_hangs_up_does_not_take_the_answer_from_the_others(keys: Keys) -> None:
    _, plaintext = await keys.create("build", [Scope.READ])
    first, second = (asyncio.create_task(keys.find(plaintext)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert isinstance(await second, Principal)
    assert first.cancelled()
