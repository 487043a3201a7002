"""`penstock organisations`, `teams` and `users`: made, listed, renamed, archived, on the data directory."""

import pytest

from tests.commands.conftest import Penstock


@pytest.fixture
def organisation(penstock: Penstock) -> str:
    """The name of one there is."""
    penstock("organisations", "create", "--name", "Lighthouse Ltd")
    return "Lighthouse Ltd"


@pytest.mark.parametrize("nouns", ["organisations", "teams", "users"])
def test_they_are_made_renamed_and_archived(penstock: Penstock, organisation: str, nouns: str) -> None:
    within = () if nouns == "organisations" else ("--organisation", organisation)
    made = penstock(nouns, "create", "--name", "first [1]", *within, "--json").json
    assert made["name"] == "first [1]" and made["archived_at"] is None
    assert penstock(nouns, "rename", "first [1]", "--name", "second [2]", "--json").json["id"] == made["id"]
    assert any(line.startswith("second [2] ") and " active " in line for line in penstock(nouns, "list").lines)
    assert penstock(nouns, "archive", made["id"], "--json").json["archived_at"]
    assert "second [2]" not in penstock(nouns, "list").out
    assert any(" archived 20" in line and made["id"] in line for line in penstock(nouns, "list", "--all").lines)


@pytest.mark.parametrize(("nouns", "prefix"), [("organisations", "org_"), ("teams", "team_"), ("users", "user_")])
def test_people_are_told_what_was_done(penstock: Penstock, organisation: str, nouns: str, prefix: str) -> None:
    within = () if nouns == "organisations" else ("--organisation", organisation)
    noun = nouns[:-1]
    assert penstock(nouns, "create", "--name", "first", *within).out.startswith(f"first is {noun} {prefix}")
    renamed = penstock(nouns, "rename", "first", "--name", "second").out
    assert renamed.startswith(f"{noun.capitalize()} {prefix}") and renamed.endswith(" is called second.\n")
    assert penstock(nouns, "archive", "second").out.startswith("second is archived; ")


@pytest.mark.parametrize("nouns", ["teams", "users"])
def test_they_are_listed_with_their_organisations_name(penstock: Penstock, organisation: str, nouns: str) -> None:
    penstock("organisations", "create", "--name", "Other")
    for name, where in (("here", organisation), ("there", "Other")):
        penstock(nouns, "create", "--name", name, "--organisation", where)
    assert [row["organisation"] for row in penstock(nouns, "list", "--json").json] == [organisation, "Other"]
    assert [row["name"] for row in penstock(nouns, "list", "--organisation", "Other", "--json").json] == ["there"]


@pytest.mark.parametrize("nouns", ["organisations", "teams", "users"])
def test_none_yet_is_said(penstock: Penstock, nouns: str) -> None:
    assert penstock(nouns, "list").out == "Nothing here yet.\n"
    assert penstock(nouns, "list", "--json").json == []


@pytest.mark.parametrize("nouns", ["organisations", "teams", "users"])
def test_who_is_not_there_is_told(penstock: Penstock, nouns: str) -> None:
    ran = penstock(nouns, "archive", "nobody")
    assert (ran.code, ran.err) == (1, f"penstock: No {nouns[:-1]} has the id or name 'nobody'.\n")
