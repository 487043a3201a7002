"""Keys: shown once, kept as a hash, restricted, changed, given a new secret, revoked."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from penstock.core.errors import BadRequest, NotFound
from penstock.core.principal import Scope
from penstock.store.books import BlockingBooks
from penstock.store.db import Database
from penstock.store.keys import (
    Key,
    NewKey,
    change_key,
    create_key,
    get_key,
    hashed,
    key_by_hash,
    list_keys,
    revoke_key,
    rotate_key,
)
from penstock.store.people import (
    archive_organisation,
    archive_team,
    archive_user,
    create_organisation,
    create_team,
    create_user,
)
from tests.store.samples import NOW


def create(name: str = "build", scopes: Any = (Scope.READ,), *, now: int = NOW, **fields: Any) -> Callable[..., Any]:
    return lambda c: create_key(c, NewKey(name, scopes, **fields), now)


def two_organisations(c: Connection) -> None:
    for name in ("acme", "globex"):
        create_organisation(c, name, NOW)
        create_team(c, name, "posters", NOW)
        create_user(c, name, "ann", NOW)
    create_team(c, "acme", "only here", NOW)


def test_a_new_key_is_listed_without_its_secret(shell: BlockingBooks) -> None:
    key, secret = shell.change(create(" build ", [Scope.INFERENCE, "read"]))
    assert re.fullmatch(r"psk_[A-Za-z0-9_-]{43}", secret)
    assert key.hint == f"{secret[:8]}...{secret[-4:]}"
    assert key == Key(
        id=key.id, name="build", hint=key.hint, scopes=frozenset({Scope.INFERENCE, Scope.READ}), created_at=NOW
    )
    assert shell.read(list_keys) == [key]
    assert shell.read(lambda c: key_by_hash(c, hashed(secret))) == key
    assert shell.read(lambda c: key_by_hash(c, hashed("psk_other"))) is None


def test_the_secret_itself_is_nowhere_in_the_database(shell: BlockingBooks, database: Database) -> None:
    _, secret = shell.change(create(scopes=[Scope.ADMIN]))
    files = b"".join(path.read_bytes() for path in Path(database.path).parent.iterdir())
    assert b"build" in files
    assert secret.encode() not in files
    assert secret[10:30].encode() not in files


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"name": ""}, "name", "A key needs a name"),
        ({"name": "  "}, "name", "A key needs a name"),
        ({"name": "x" * 201}, "name", "at most 200"),
        ({"scopes": []}, "scopes", "A key needs at least one scope"),
        ({"scopes": ["public"]}, "scopes", "A key needs at least one scope"),
        ({"scopes": ["read", "write"]}, "scopes", "'write' is no scope"),
        ({"expires_at": NOW}, "expires_at", "would have expired"),
        ({"expires_at": 2**63}, "expires_at", "1970 to 9999"),
        ({"models": ["OpenAI/*"]}, "models", "lower case"),
        ({"models": [""]}, "models", "no slug or pattern"),
        ({"models": ["a b"]}, "models", "no slug or pattern"),
        ({"models": ["x" * 201]}, "models", "at most 200 characters"),
        ({"models": [f"m{number}" for number in range(201)]}, "models", "at most 200;"),
        ({"providers": ["bfl\n"]}, "providers", "no slug or pattern"),
        ({"addresses": ["10.0.0.0/33"]}, "addresses", "'10.0.0.0/33' is neither"),
        ({"addresses": ["localhost"]}, "addresses", "'localhost' is neither"),
        ({"addresses": [""]}, "addresses", "is neither"),
        ({"addresses": [f"10.0.{n}.1" for n in range(201)]}, "addresses", "at most 200;"),
    ],
)
def test_a_key_that_cannot_be_is_not_made(shell: BlockingBooks, fields: Any, param: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as refused:
        shell.change(create(**fields))
    assert refused.value.param == param
    assert shell.read(list_keys) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        (" 10.1.2.3/8 ", "10.0.0.0/8"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ],
)
def test_addresses_are_kept_in_one_spelling(shell: BlockingBooks, given: str, kept: str) -> None:
    key, _ = shell.change(create(addresses=[given, given]))
    assert key.addresses == (kept,)


@pytest.mark.parametrize(
    ("fields", "belongs_to"),
    [
        ({}, (None, None, None)),
        ({"organisation": "acme"}, ("acme", None, None)),
        ({"team": "only here"}, ("acme", "only here", None)),
        ({"organisation": "globex", "team": "posters"}, ("globex", "posters", None)),
        ({"organisation": "globex", "user": "ann"}, ("globex", None, "ann")),
        ({"team": "only here", "user": "ann"}, ("acme", "only here", "ann")),
    ],
)
def test_a_key_belongs_to_an_organisation_and_within_it_to_a_team_and_a_user(
    shell: BlockingBooks, fields: Any, belongs_to: tuple[str | None, ...]
) -> None:
    shell.change(two_organisations)
    key, _ = shell.change(create(**fields))

    def names(c: Connection) -> tuple[str | None, ...]:
        wanted = zip(("organisations", "teams", "users"), (key.organisation_id, key.team_id, key.user_id), strict=True)
        query = "select name from {} where id = ?"
        return tuple(c.exec_driver_sql(query.format(table), (id,)).scalar() if id else None for table, id in wanted)

    assert shell.read(names) == belongs_to


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"organisation": "initech"}, NotFound, "No organisation"),
        ({"organisation": "globex", "team": "only here"}, NotFound, "No team in the organisation 'globex'"),
        ({"organisation": "acme", "user": "bob"}, NotFound, "No user in the organisation 'acme'"),
        ({"team": "posters"}, BadRequest, "2 teams are called 'posters'"),
        ({"user": "ann"}, BadRequest, "2 users are called 'ann'"),
    ],
)
def test_a_team_and_a_user_are_of_the_keys_organisation(
    shell: BlockingBooks, fields: Any, error: type[Exception], says: str
) -> None:
    shell.change(two_organisations)
    with pytest.raises(error, match=says):
        shell.change(create(**fields))


@pytest.mark.parametrize(
    ("archive", "which"), [(archive_organisation, "acme"), (archive_team, "only here"), (archive_user, "eve")]
)
def test_who_is_archived_gets_no_new_key(shell: BlockingBooks, archive: Any, which: str) -> None:
    shell.change(two_organisations)
    shell.change(lambda c: create_user(c, "acme", "eve", NOW))
    shell.change(lambda c: archive(c, which, NOW))
    with pytest.raises(BadRequest, match=f"`{which}` is archived"):
        shell.change(create(team="only here", user="eve"))


@pytest.mark.parametrize("by", ["id", "name", "hint"])
def test_a_key_is_revoked_by_its_id_name_or_hint_and_stays_so(shell: BlockingBooks, by: str) -> None:
    key, _ = shell.change(create())
    shell.change(create("other", now=NOW + 1))
    revoked = shell.change(lambda c: revoke_key(c, getattr(key, by), NOW + 250))
    assert revoked == replace(key, revoked_at=NOW + 250)
    assert shell.change(lambda c: revoke_key(c, key.id, NOW + 900)) == revoked == shell.read(list_keys)[0]


def test_revoking_says_when_no_key_or_several_are_meant(shell: BlockingBooks) -> None:
    (first, _), (second, _) = shell.change(create()), shell.change(create(now=NOW + 1))
    with pytest.raises(NotFound, match="'bild'"):
        shell.change(lambda c: revoke_key(c, "bild", NOW))
    with pytest.raises(BadRequest, match=f"2 keys are called 'build'.*{first.id}, {second.id}"):
        shell.change(lambda c: revoke_key(c, "build", NOW))
    shell.change(lambda c: revoke_key(c, first.id, NOW))
    assert shell.change(lambda c: revoke_key(c, "build", NOW)).id == second.id


@pytest.mark.parametrize(
    "work",
    [
        lambda c, key: revoke_key(c, key.id, NOW),
        lambda c, key: change_key(c, key.id, NOW, scopes=["read"]),
        lambda c, key: change_key(c, key.id, NOW, expires_at=NOW),
    ],
)
def test_the_last_key_of_an_administrator_stays_one(shell: BlockingBooks, work: Any) -> None:
    key, _ = shell.change(create(scopes=["admin"]))
    shell.change(create("over", ["admin"], now=NOW - 5, expires_at=NOW - 1))
    with pytest.raises(BadRequest, match="is the last key with the scope admin") as refused:
        shell.change(lambda c: work(c, key))
    assert refused.value.code == "last_administrator"
    assert shell.read(lambda c: get_key(c, key.id)) == key
    shell.change(create("second", ["admin", "read"]))
    assert shell.change(lambda c: work(c, key)) != key


def test_an_id_is_meant_before_a_name(shell: BlockingBooks) -> None:
    first, _ = shell.change(create())
    shell.change(create(first.id))
    assert shell.read(lambda c: get_key(c, first.id)) == first


@pytest.mark.parametrize(
    ("changes", "becomes"),
    [
        ({}, {}),
        ({"name": " site "}, {"name": "site"}),
        ({"scopes": ["admin"]}, {"scopes": frozenset({Scope.ADMIN})}),
        ({"models": ["openai/*"]}, {"models": ("openai/*",)}),
        ({"models": []}, {"models": ()}),
        ({"providers": ["bfl", "bfl"]}, {"providers": ("bfl",)}),
        ({"addresses": ["10.0.0.1/8"]}, {"addresses": ("10.0.0.0/8",)}),
        ({"expires_at": NOW + 9}, {"expires_at": NOW + 9}),
        ({"expires_at": None}, {"expires_at": None}),
    ],
)
def test_what_of_a_key_is_named_changes_and_the_rest_stays(shell: BlockingBooks, changes: Any, becomes: Any) -> None:
    key, secret = shell.change(
        create(models=["sandbox/*"], providers=["sandbox"], addresses=["::1"], expires_at=NOW + 5)
    )
    changed = shell.change(lambda c: change_key(c, "build", NOW, **changes))
    assert changed == replace(key, **becomes) == shell.read(lambda c: key_by_hash(c, hashed(secret)))


@pytest.mark.parametrize("changes", [{"name": ""}, {"scopes": ["root"]}, {"models": ["A"]}, {"addresses": ["x"]}])
def test_a_change_is_checked_as_a_new_key_is(shell: BlockingBooks, changes: Any) -> None:
    key, _ = shell.change(create())
    with pytest.raises(BadRequest) as refused:
        shell.change(lambda c: change_key(c, key.id, NOW, **changes))
    assert [refused.value.param] == list(changes)
    assert shell.read(list_keys) == [key]


def test_a_rotated_key_is_the_same_key_with_another_secret(shell: BlockingBooks) -> None:
    key, before = shell.change(create(models=["sandbox/*"]))
    rotated, after = shell.change(lambda c: rotate_key(c, key.hint, 60, NOW + 500))
    assert after != before
    hint = f"{after[:8]}...{after[-4:]}"
    assert rotated == replace(key, hint=hint, previous_until=NOW + 60_500)
    assert shell.read(lambda c: [key_by_hash(c, hashed(secret)) for secret in (before, after)]) == [None, rotated]


@pytest.mark.parametrize("overlap", [-1, 31 * 24 * 3600 + 1])
def test_two_secrets_work_side_by_side_for_a_month_at_most(shell: BlockingBooks, overlap: int) -> None:
    key, _ = shell.change(create())
    with pytest.raises(BadRequest, match="31 days") as refused:
        shell.change(lambda c: rotate_key(c, key.id, overlap, NOW))
    assert refused.value.param == "overlap_seconds"
    assert shell.read(list_keys) == [key]


def test_a_key_that_has_ended_gets_no_new_secret(shell: BlockingBooks) -> None:
    key, _ = shell.change(create(expires_at=NOW + 5))
    with pytest.raises(BadRequest, match="has expired"):
        shell.change(lambda c: rotate_key(c, key.id, 0, NOW + 5))
    shell.change(lambda c: revoke_key(c, key.id, NOW))
    for work in (lambda c: rotate_key(c, key.id, 0, NOW), lambda c: change_key(c, key.id, NOW, name="again")):
        with pytest.raises(BadRequest, match="is revoked"):
            shell.change(work)
