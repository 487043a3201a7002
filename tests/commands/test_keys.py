"""`penstock keys`: made, listed, revoked, on the data directory."""

from pathlib import Path

import pytest

from tests.commands.conftest import Penstock


def test_a_key_is_shown_once_and_then_only_by_its_hint(penstock: Penstock) -> None:
    made = penstock("keys", "create", "--name", "website", "--json").json
    assert made["key"].startswith("psk_") and made["scopes"] == ["inference", "read"]
    (listed,) = penstock("keys", "list", "--json").json
    assert (listed["id"], listed["name"], listed["revoked_at"]) == (made["id"], "website", None)
    assert listed["hint"] == f"{made['key'][:8]}...{made['key'][-4:]}"
    assert made["key"] not in penstock("keys", "list").out


def test_for_people_the_key_is_the_first_line(penstock: Penstock) -> None:
    ran = penstock("keys", "create", "--name", "website", "--admin")
    assert ran.lines[0].startswith("psk_") and len(ran.lines[0]) == 47
    assert "penstock keys revoke key_" in ran.out
    assert penstock("keys", "list", "--json").json[0]["scopes"] == ["admin"]


def test_the_table_shows_names_as_they_were_given(penstock: Penstock) -> None:
    penstock("keys", "create", "--name", "ci [prod]")
    assert any(line.startswith("ci [prod] psk_") and " valid key_" in line for line in penstock("keys", "list").lines)


@pytest.mark.parametrize("by", ["id", "name", "hint"])
def test_a_key_is_revoked_by_its_id_name_or_hint(penstock: Penstock, by: str) -> None:
    penstock("keys", "create", "--name", "first")
    listed = penstock("keys", "list", "--json").json[0]
    ran = penstock("keys", "revoke", listed[by])
    assert ran.out == f"first ({listed['hint']}) is revoked.\n"
    assert penstock("keys", "list", "--json").json == []
    assert penstock("keys", "list", "--all", "--json").json[0]["revoked_at"]
    assert any(" revoked 20" in line for line in penstock("keys", "list", "--all").lines)


def test_what_cannot_be_revoked_is_told(penstock: Penstock) -> None:
    assert penstock("keys", "revoke", "nobody").err.startswith("penstock: No key has the id, name or hint 'nobody'.")
    penstock("keys", "create", "--name", "twin")
    penstock("keys", "create", "--name", "twin")
    ran = penstock("keys", "revoke", "twin")
    assert ran.code == 1 and ran.err.startswith("penstock: 2 keys are called 'twin'. Name one of them by its id: key_")


def test_an_empty_name_is_refused(penstock: Penstock) -> None:
    ran = penstock("keys", "create", "--name", " ")
    assert (ran.code, ran.err) == (
        1,
        "penstock: A key needs a name, so that it can be told from the others later.\n",
    )


def test_no_keys_yet_is_said(penstock: Penstock) -> None:
    assert penstock("keys", "list").out == "Nothing here yet.\n"
    assert penstock("keys", "list", "--json").json == []


def test_a_data_directory_that_cannot_be_made_is_told(penstock: Penstock, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = penstock("keys", "list", "--data", str(tmp_path / "file" / "data"))
    assert ran.code == 1 and ran.err.startswith("penstock: ") and "Traceback" not in ran.err
