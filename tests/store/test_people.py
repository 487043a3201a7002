"""Organisations, teams and users: told apart by their names, archived, never deleted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from penstock.core.errors import BadRequest, NotFound
from penstock.core.principal import Scope
from penstock.store import people
from penstock.store.books import BlockingBooks
from penstock.store.keys import NewKey, create_key, revoke_key
from tests.store.samples import NOW

Work = Callable[[Connection], Any]
NOUNS = ["organisation", "team", "user"]


def do(verb: str, noun: str, *arguments: Any) -> Work:
    """One of the functions, e.g. `rename_team`, with its arguments."""
    function = getattr(people, f"{verb}_{noun}" if verb else noun)
    return lambda c: function(c, *arguments)


def create(noun: str, name: str, organisation: str = "acme", now: int = NOW) -> Work:
    within = () if noun == "organisation" else (organisation,)
    return do("create", noun, *within, name, now)


@pytest.fixture(autouse=True)
def organisation(shell: BlockingBooks) -> people.Organisation:
    return shell.change(create("organisation", "acme"))


@pytest.mark.parametrize("noun", NOUNS)
def test_each_is_found_by_its_id_and_by_its_name(shell: BlockingBooks, noun: str) -> None:
    made = shell.change(create(noun, "  posters "))
    assert (made.name, made.created_at, made.archived_at) == ("posters", NOW, None)
    assert made.id.startswith({"organisation": "org_", "team": "team_", "user": "user_"}[noun])
    assert shell.read(do("", noun, made.id)) == shell.read(do("", noun, "posters")) == made
    assert made in shell.read(do("", f"{noun}s"))


@pytest.mark.parametrize("noun", NOUNS)
def test_one_that_is_not_there_is_not_found(shell: BlockingBooks, noun: str) -> None:
    for verb, further in (("", ()), ("rename", ("x",)), ("archive", (NOW,))):
        with pytest.raises(NotFound, match=f"No {noun} has the id or name 'nobody'") as refused:
            shell.change(do(verb, noun, "nobody", *further))
        assert refused.value.code == "holder_not_found"


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("archived", [False, True])
def test_a_name_is_had_by_one_only_also_when_that_one_is_archived(
    shell: BlockingBooks, noun: str, archived: bool
) -> None:
    first, second = shell.change(create(noun, "posters")), shell.change(create(noun, "banners"))
    if archived:
        shell.change(do("archive", noun, first.id, NOW))
    for work in (create(noun, "posters"), do("rename", noun, second.id, "posters")):
        with pytest.raises(BadRequest, match=first.id) as refused:
            shell.change(work)
        assert (refused.value.code, refused.value.param) == ("name_taken", "name")
        assert ("archived" in refused.value.message) == archived
    assert shell.read(do("", noun, second.id)) == second


@pytest.mark.parametrize("noun", NOUNS)
def test_it_can_be_renamed_and_keeps_its_id(shell: BlockingBooks, noun: str) -> None:
    made = shell.change(create(noun, "posters"))
    renamed = shell.change(do("rename", noun, "posters", " Posters"))
    assert renamed == replace(made, name="Posters") == shell.change(do("rename", noun, made.id, "Posters"))
    assert shell.read(do("", noun, made.id)) == renamed


@pytest.mark.parametrize("noun", NOUNS)
def test_archived_it_stays_as_it_was_then_and_is_listed_only_where_asked_for(shell: BlockingBooks, noun: str) -> None:
    made = shell.change(create(noun, "posters"))
    archived = shell.change(do("archive", noun, made.id, NOW + 5))
    assert archived == replace(made, archived_at=NOW + 5)
    assert shell.change(do("archive", noun, made.id, NOW + 9)) == archived
    within = () if noun == "organisation" else (None,)
    assert made.id not in {someone.id for someone in shell.read(do("", f"{noun}s"))}
    assert archived in shell.read(do("", f"{noun}s", *within, True))


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "two\nlines", "\ud800"])
def test_a_name_is_a_line_of_text(shell: BlockingBooks, noun: str, name: str) -> None:
    before = shell.read(do("", f"{noun}s"))
    with pytest.raises(BadRequest, match="name") as refused:
        shell.change(create(noun, name))
    assert refused.value.param == "name"
    assert shell.read(do("", f"{noun}s")) == before


@pytest.mark.parametrize("noun", ["team", "user"])
def test_two_organisations_may_each_have_one_of_a_name(shell: BlockingBooks, noun: str) -> None:
    shell.change(create("organisation", "globex", now=NOW + 1))
    here, there = shell.change(create(noun, "posters")), shell.change(create(noun, "posters", "globex", NOW + 1))
    with pytest.raises(BadRequest, match=rf"2 {noun}s are called 'posters'.*{here.id}, {there.id}") as refused:
        shell.read(do("", noun, "posters"))
    assert refused.value.code == "ambiguous_name"
    assert shell.read(do("", noun, "posters", "globex")) == there
    assert shell.read(do("", f"{noun}s", "globex")) == [there]
    assert shell.read(do("", f"{noun}s")) == [here, there]
    shell.change(do("archive", noun, here.id, NOW))
    assert shell.read(do("", noun, "posters")) == there


def test_an_id_is_meant_before_a_name(shell: BlockingBooks) -> None:
    first = shell.change(create("team", "posters"))
    shell.change(create("team", first.id))
    assert shell.read(do("", "team", first.id)) == first


@pytest.mark.parametrize("noun", ["team", "user"])
def test_nothing_new_is_made_in_an_archived_organisation(
    shell: BlockingBooks, noun: str, organisation: people.Organisation
) -> None:
    shell.change(do("archive", "organisation", organisation.id, NOW))
    with pytest.raises(BadRequest, match="organisation `acme` is archived"):
        shell.change(create(noun, "posters"))
    with pytest.raises(NotFound, match="organisation"):
        shell.change(create(noun, "posters", "initech"))


@pytest.mark.parametrize(("owner", "archived"), [(noun, noun) for noun in NOUNS] + [("team", "organisation")])
def test_nobody_is_archived_whose_key_is_the_last_that_administers(
    shell: BlockingBooks, owner: str, archived: str
) -> None:
    names = {"organisation": "acme", "team": "posters", "user": "ada"}
    for noun in ("team", "user"):
        shell.change(create(noun, names[noun]))
    shell.change(lambda c: create_key(c, NewKey("theirs", [Scope.ADMIN], **{owner: names[owner]}), NOW))
    archive = do("archive", archived, names[archived], NOW)
    with pytest.raises(BadRequest, match="The last key with the scope admin") as refused:
        shell.change(archive)
    assert refused.value.code == "last_administrator"
    assert shell.read(do("", archived, names[archived])).archived_at is None
    shell.change(lambda c: create_key(c, NewKey("another", [Scope.ADMIN]), NOW))
    shell.change(archive)
    with pytest.raises(BadRequest, match="is the last key"):
        shell.change(lambda c: revoke_key(c, "another", NOW))
