"""`penstock keys`: made, listed, shown, changed, rotated and revoked, on the data directory."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.commands.conftest import Penstock


def test_a_key_is_shown_once_and_then_only_by_its_hint(penstock: Penstock) -> None:
    made = penstock("keys", "create", "--name", "website", "--json").json
    assert made["key"].startswith("psk_") and made["scopes"] == ["inference", "read"] and made["budget"] is None
    (listed,) = penstock("keys", "list", "--json").json
    assert (listed["id"], listed["name"], listed["revoked_at"]) == (made["id"], "website", None)
    assert listed["hint"] == f"{made['key'][:8]}...{made['key'][-4:]}"
    assert made["key"] not in penstock("keys", "list").out + penstock("keys", "show", "website").out


def test_for_people_the_key_is_the_first_line(penstock: Penstock) -> None:
    ran = penstock("keys", "create", "--name", "website", "--admin")
    assert ran.lines[0].startswith("psk_") and len(ran.lines[0]) == 47
    assert "penstock keys revoke key_" in ran.out
    assert penstock("keys", "list", "--json").json[0]["scopes"] == ["admin"]


def test_the_table_shows_names_as_they_were_given(penstock: Penstock) -> None:
    penstock("keys", "create", "--name", "ci [prod]")
    assert any(line.startswith("ci [prod] psk_") and " valid key_" in line for line in penstock("keys", "list").lines)


def test_a_key_is_made_with_a_hard_total_budget(penstock: Penstock) -> None:
    made = penstock("keys", "create", "--name", "trial", "--budget", "1.00", "--json").json
    budget = made["budget"]
    assert (budget["amount_usd"], budget["period"], budget["hard"], budget["left_usd"]) == (1, "total", True, 1)
    assert (budget["level"], budget["holder_id"]) == ("key", made["id"])
    (listed,) = penstock("keys", "list", "--json").json
    assert listed["budgets"] == [budget]
    assert any(" 1.00 total 0.00 1.00 valid " in line for line in penstock("keys", "list").lines)


def test_a_keys_budget_can_be_soft_and_of_a_month(penstock: Penstock) -> None:
    options = ("--budget", "12.345", "--period", "month", "--soft")
    budget = penstock("keys", "create", "--name", "trial", *options, "--json").json["budget"]
    assert (str(budget["amount_usd"]), budget["period"], budget["hard"]) == ("12.345", "month", False)
    assert any(" 12.345 month soft 0.00 12.345 " in line for line in penstock("keys", "list").lines)


def test_a_restricted_key_says_what_it_is_restricted_to(penstock: Penstock) -> None:
    penstock("organisations", "create", "--name", "Lighthouse Ltd")
    penstock("teams", "create", "--name", "design", "--organisation", "Lighthouse Ltd")
    made = penstock(
        *("keys", "create", "--name", "website", "--team", "design", "--models", "openai/*", "--models", "sandbox/*"),
        *("--providers", "openai", "--addresses", "10.0.0.0/8", "--expires", "30d", "--scopes", "read", "--json"),
    ).json
    assert (made["organisation"], made["team"], made["user"]) == ("Lighthouse Ltd", "design", None)
    assert (made["models"], made["providers"]) == (["openai/*", "sandbox/*"], ["openai"])
    assert (made["addresses"], made["scopes"]) == (["10.0.0.0/8"], ["read"])
    assert made["expires_at"] > made["created_at"]
    shown = penstock("keys", "show", "website").lines
    assert {"Models openai/*, sandbox/*", "Addresses 10.0.0.0/8", "Belongs to Lighthouse Ltd / design"} <= set(shown)


def test_a_key_is_changed_and_an_empty_text_takes_a_restriction_away(penstock: Penstock) -> None:
    penstock("keys", "create", "--name", "website", "--models", "openai/*", "--expires", "30d")
    changed = penstock(
        *("keys", "change", "website", "--name", "web", "--models", "", "--addresses", "10.0.0.1"),
        *("--expires", "never", "--scopes", "inference", "--json"),
    ).json
    assert (changed["name"], changed["models"], changed["expires_at"]) == ("web", [], None)
    assert (changed["addresses"], changed["scopes"]) == (["10.0.0.1"], ["inference"])
    ran = penstock("keys", "change", "web", "--providers", "openai")
    assert ran.out == f"web ({changed['hint']}) is changed.\n"
    after = penstock("keys", "show", "web", "--json").json
    assert (after["providers"], after["addresses"]) == (["openai"], ["10.0.0.1"])


def test_a_rotated_key_is_the_same_key_with_another_secret(penstock: Penstock) -> None:
    made = penstock("keys", "create", "--name", "website", "--budget", "1", "--json").json
    rotated = penstock("keys", "rotate", "website", "--overlap", "24h", "--json").json
    assert rotated["key"] != made["key"] and rotated["id"] == made["id"]
    assert rotated["previous_until"] and rotated["budgets"] == [made["budget"]]
    assert " works until 20" in penstock("keys", "rotate", "website", "--overlap", "24h").out
    assert "The old one no longer works." in penstock("keys", "rotate", "website").out


def test_a_key_whose_team_is_archived_is_listed_so(penstock: Penstock) -> None:
    penstock("organisations", "create", "--name", "o")
    penstock("teams", "create", "--name", "t", "--organisation", "o")
    penstock("keys", "create", "--name", "website", "--team", "t")
    penstock("teams", "archive", "t")
    assert penstock("keys", "list", "--json").json[0]["state"] == "archived"


@pytest.mark.parametrize("by", ["id", "name", "hint"])
def test_a_key_is_revoked_by_its_id_name_or_hint(penstock: Penstock, by: str) -> None:
    penstock("keys", "create", "--name", "first")
    listed = penstock("keys", "list", "--json").json[0]
    ran = penstock("keys", "revoke", listed[by])
    assert ran.out == f"first ({listed['hint']}) is revoked.\n"
    assert penstock("keys", "list", "--json").json == []
    assert penstock("keys", "list", "--all", "--json").json[0]["revoked_at"]
    assert any(" revoked key_" in line for line in penstock("keys", "list", "--all").lines)


def test_what_cannot_be_revoked_is_told(penstock: Penstock) -> None:
    assert penstock("keys", "revoke", "nobody").err.startswith("penstock: No key has the id, name or hint 'nobody'.")
    penstock("keys", "create", "--name", "twin")
    penstock("keys", "create", "--name", "twin")
    ran = penstock("keys", "revoke", "twin")
    assert ran.code == 1 and ran.err.startswith("penstock: 2 keys are called 'twin'. Name one of them by its id: key_")


REFUSED = {
    "an empty name": (
        ["create", "--name", " "],
        "A key needs a name, so that it can be told from the others later.",
    ),
    "a period without a budget": (
        ["create", "--name", "a", "--period", "month"],
        "`--period` and `--soft` are about a budget: say how much with `--budget`.",
    ),
    "two ways to say what it may do": (
        ["create", "--name", "a", "--admin", "--scopes", "read"],
        "Say `--admin` or `--scopes`, not both.",
    ),
    "an unknown scope": (
        ["create", "--name", "a", "--scopes", "read,write"],
        "'write' is no scope: inference, read or admin.",
    ),
    "an amount that is none": (
        ["create", "--name", "a", "--budget", "$1"],
        "`--budget` is a number such as 2.50, not '$1'.",
    ),
    "an expiry that is none": (
        ["create", "--name", "a", "--expires", "soon"],
        "`--expires` is like 30d, 2030-01-31, 2030-01-31T12:00:00Z or never, not 'soon'.",
    ),
    "an expiry that is over": (
        ["create", "--name", "a", "--expires", "2020-01-01"],
        "The key would have expired before it is made.",
    ),
    "a change of nothing": (
        ["change", "a"],
        "Nothing to change: name it, as in `--name website` or `--expires 30d`.",
    ),
    "an overlap without a unit": (
        ["rotate", "a", "--overlap", "24"],
        "`--overlap` is a duration such as 60s, 15m, 24h, 30d or 2w, not '24'.",
    ),
}


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(penstock: Penstock, arguments: Sequence[str], sentence: str) -> None:
    ran = penstock("keys", *arguments)
    assert (ran.code, ran.out, ran.err) == (1, "", f"penstock: {sentence}\n")
    assert penstock("keys", "list", "--all", "--json").json == []


def test_a_key_whose_budget_is_refused_is_not_made(penstock: Penstock) -> None:
    ran = penstock("keys", "create", "--name", "trial", "--budget", "-1")
    assert (ran.code, ran.out) == (1, "") and "above $0" in ran.err
    assert penstock("keys", "list", "--all", "--json").json == []


def test_no_keys_yet_is_said(penstock: Penstock) -> None:
    assert penstock("keys", "list").out == "Nothing here yet.\n"
    assert penstock("keys", "list", "--json").json == []


def test_a_data_directory_that_cannot_be_made_is_told(penstock: Penstock, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = penstock("keys", "list", "--data", str(tmp_path / "file" / "data"))
    assert ran.code == 1 and ran.err.startswith("penstock: ") and "Traceback" not in ran.err
