"""`penstock budgets`, `credits`, `limits` and `allowances`: made, listed, changed, ended, on the data directory."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from penstock.api import admin_documents as documents
from tests.commands.conftest import Penstock


@pytest.fixture
def people(penstock: Penstock) -> None:
    """Somebody at every level."""
    penstock("organisations", "create", "--name", "Lighthouse Ltd")
    penstock("teams", "create", "--name", "design", "--organisation", "Lighthouse Ltd")
    penstock("users", "create", "--name", "ada", "--organisation", "Lighthouse Ltd")
    penstock("keys", "create", "--name", "website", "--team", "design")


HOLDERS = ["gateway", "organisation:Lighthouse Ltd", "team:design", "user:ada", "key:website"]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("whose", HOLDERS)
def test_every_level_can_hold_everything(penstock: Penstock, whose: str) -> None:
    for made in (
        penstock("budgets", "create", "--for", whose, "--amount", "50", "--period", "month", "--json"),
        penstock("credits", "add", "--for", whose, "--amount", "100", "--json"),
        penstock("limits", "create", "--for", whose, "--unit", "images", "--amount", "60", "--json"),
        penstock("allowances", "create", "--for", whose, "--requests", "20", "--json"),
    ):
        level, _, name = whose.partition(":")
        assert (made.code, made.err) == (0, "")
        assert (made.json["level"], made.json["holder"]) == (level, name or None)
        assert (made.json["holder_id"] is None) == (level == "gateway")
    for nouns in ("budgets", "credits", "limits", "allowances"):
        assert len(penstock(nouns, "list", "--for", whose, "--json").json) == 1
        assert any(line.startswith(whose.replace(":", " ")) for line in penstock(nouns, "list").lines)
        assert penstock(nouns, "list", "--for", "gateway", "--json").json == [] or whose == "gateway"


@pytest.mark.usefixtures("people")
def test_a_budget_is_changed_and_ended(penstock: Penstock) -> None:
    made = penstock("budgets", "create", "--for", "team:design", "--amount", "0.1").out
    assert made.endswith(": team design may spend $0.1 in total (hard).\n")
    id = made.partition(":")[0]
    changed = penstock("budgets", "change", id, "--amount", "75.5", "--soft", "--on-unpriced", "allow", "--json").json
    assert (changed["amount_usd"], changed["hard"], changed["on_unpriced"]) == (Decimal("75.5"), False, "allow")
    assert penstock("budgets", "change", id, "--hard").out == f"{id}: team design may spend $75.5 in total (hard).\n"
    assert penstock("budgets", "end", id).out == f"{id} no longer applies.\n"
    assert penstock("budgets", "list").out == "Nothing here yet.\n"
    assert any(" ended 20" in line and id in line for line in penstock("budgets", "list", "--all").lines)


def test_a_budget_of_a_period_says_when_it_is_full_again(penstock: Penstock) -> None:
    for period in ("day", "week", "month", "total"):
        penstock("budgets", "create", "--for", "gateway", "--amount", "5", "--period", period)
    rows = penstock("budgets", "list", "--json").json
    assert [(row["period"], row["resets_at"] is not None) for row in rows] == [
        ("day", True),
        ("week", True),
        ("month", True),
        ("total", False),
    ]
    table = penstock("budgets", "list").lines
    assert table[0] == "For Amount $ Period Kind Unpriced Spent $ Reserved $ Uncertain $ Left $ Resets Id"
    assert any(line.startswith("gateway 5.00 total hard refuse 0.00 0.00 0.00 5.00 never bud_") for line in table)


@pytest.mark.usefixtures("people")
def test_credit_is_paid_in_and_taken_back(penstock: Penstock) -> None:
    whose = ("--for", "organisation:Lighthouse Ltd")
    penstock("credits", "add", *whose, "--amount", "100", "--note", "Invoice [2041]")
    ran = penstock("credits", "add", *whose, "--amount", "-25.50")
    assert ran.out.endswith(": organisation Lighthouse Ltd has $74.5 of $74.5 left.\n")
    (row,) = penstock("credits", "list", "--json").json
    assert (row["balance_usd"], [entry["amount_usd"] for entry in row["entries"]]) == (
        Decimal("74.5"),
        [Decimal(100), Decimal("-25.5")],
    )
    payments = penstock("credits", "list", *whose).lines
    assert any(" 100.00 Invoice [2041] crd_" in line for line in payments)
    assert any(line.startswith("Together 74.50 74.50 left, 0.00 spent bud_") for line in payments)
    assert penstock("budgets", "list", "--json").json == [], "credits have a list of their own"


LIMITS = [
    (
        ["--unit", "megapixels", "--amount", "12.5", "--per", "1h", "--model", "openai/*"],
        "12.5 megapixels of openai/* per hour",
    ),
    (["--unit", "dollars", "--amount", "2.50", "--per", "1d"], "$2.5 per day"),
    (["--unit", "requests", "--amount", "60"], "60 requests per minute"),
    (["--unit", "tokens", "--amount", "1000", "--per", "90s"], "1000 tokens per 90 seconds"),
    (["--unit", "images", "--amount", "1", "--per", "2w"], "1 images per 14 days"),
    (["--unit", "concurrent", "--amount", "2"], "2 requests at once"),
]


@pytest.mark.parametrize(("options", "words"), LIMITS, ids=[words for _, words in LIMITS])
def test_a_limit_says_what_it_lets_through(penstock: Penstock, options: Sequence[str], words: str) -> None:
    made = penstock("limits", "create", "--for", "gateway", *options).out
    assert made.endswith(f": gateway gets at most {words}.\n")
    id = made.partition(":")[0]
    assert any(line.startswith("gateway ") and line.endswith(id) for line in penstock("limits", "list").lines)
    assert penstock("limits", "end", id, "--json").json["id"] == id
    assert penstock("limits", "list").out == "Nothing here yet.\n"


def test_an_allowance_is_ended(penstock: Penstock) -> None:
    made = penstock("allowances", "create", "--for", "gateway", "--requests", "1000").out
    assert made.endswith(": gateway pays nothing for its first 1000 requests of each month.\n")
    id = made.partition(":")[0]
    assert any(line == f"gateway 1,000 0 {id}" for line in penstock("allowances", "list").lines)
    assert penstock("allowances", "end", id).out == f"{id} no longer applies.\n"
    assert penstock("allowances", "list").out == "Nothing here yet.\n"


REFUSED = {
    "a holder that is none": (
        ["budgets", "create", "--for", "website", "--amount", "1"],
        "`--for` is written key:NAME, user:NAME, team:NAME or organisation:NAME (or with their ids), or gateway; ",
    ),
    "a holder without a name": (["limits", "list", "--for", "team:"], "`--for` is written "),
    "the gateway with a name": (["allowances", "list", "--for", "gateway:mine"], "`--for` is written "),
    "a holder there is not": (
        ["credits", "add", "--for", "team:nobody", "--amount", "1"],
        "No team has the id or name 'nobody'.",
    ),
    "no amount": (
        ["credits", "add", "--for", "gateway", "--amount", "one"],
        "`--amount` is a number such as 2.50, not 'one'.",
    ),
    "an amount of nothing": (["budgets", "create", "--for", "gateway", "--amount", "0"], "An amount is in dollars: "),
    "a window without a unit": (
        ["limits", "create", "--for", "gateway", "--unit", "images", "--amount", "1", "--per", "60"],
        "`--per` is a duration such as 60s, 15m, 24h, 30d or 2w, not '60'.",
    ),
    "a change of nothing": (["budgets", "change", "bud_1"], "Nothing to change: name it, as in `--amount 50` or "),
    "a budget there is not": (["budgets", "end", "bud_1"], "There is no budget 'bud_1'."),
    "a limit there is not": (["limits", "end", "lim_1"], "There is no limit 'lim_1', or it has ended."),
    "an allowance there is not": (["allowances", "end", "alw_1"], "There is no allowance 'alw_1', or it has ended."),
}


@pytest.mark.parametrize(("arguments", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(penstock: Penstock, arguments: Sequence[str], sentence: str) -> None:
    ran = penstock(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"penstock: {sentence}") and ran.err.count("\n") == 1


@pytest.mark.parametrize("nouns", ["budgets", "credits", "limits", "allowances"])
def test_none_yet_is_said(penstock: Penstock, nouns: str) -> None:
    assert penstock(nouns, "list").out == "Nothing here yet.\n"
    assert penstock(nouns, "list", "--json").json == []


SAME = {
    "budgets": (documents.Budget, ["budgets", "create", "--for", "gateway", "--amount", "1"], {"holder", "kind"}),
    "credits": (documents.Credit, ["credits", "add", "--for", "gateway", "--amount", "1"], {"holder"}),
    "limits": (
        documents.Limit,
        ["limits", "create", "--for", "gateway", "--unit", "images", "--amount", "1"],
        {"holder"},
    ),
    "allowances": (documents.Allowance, ["allowances", "create", "--for", "gateway", "--requests", "1"], {"holder"}),
    "organisations": (documents.Organisation, ["organisations", "create", "--name", "o"], set()),
    "keys": (
        documents.MadeKey,
        ["keys", "create", "--name", "k"],
        {"organisation", "team", "user", "state"},
    ),
}


@pytest.mark.parametrize(("document", "arguments", "beside"), SAME.values(), ids=SAME)
def test_programs_are_told_the_fields_of_the_administration_api_and_names(
    penstock: Penstock, document: type[documents.Budget], arguments: Sequence[str], beside: set[str]
) -> None:
    assert set(penstock(*arguments, "--json").json) == set(document.__struct_fields__) | beside
