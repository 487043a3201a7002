"""`penstock quote` and `penstock models`: prices from the catalogue, without calling anybody."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.commands.conftest import Penstock

FLUX = "black-forest-labs/flux.2-pro"


def at(rows: list[dict[str, object]], provider: str) -> dict[str, object]:
    return next(row for row in rows if row["provider"] == provider)


@pytest.mark.parametrize("name", [FLUX, "black-forest-labs/flux-2-pro", "flux-2-pro", "FLUX.2-Pro"])
def test_four_megapixels_from_a_reference_of_one_cost_nine_cents(penstock: Penstock, name: str) -> None:
    ran = penstock("quote", "-m", name, "--size", "2048x2048", "--refs", "1024x1024", "--json")
    row = at(ran.json, "bfl")
    assert (ran.code, row["model"], row["able"], row["exact"]) == (0, FLUX, True, True)
    assert row["low_usd"] == row["high_usd"] == Decimal("0.09")
    assert [(line["unit"], line["quantity"], line["usd"]) for line in row["lines"]] == [
        ("output_megapixel", 4, Decimal("0.075")),
        ("input_megapixel", 1, Decimal("0.015")),
    ]
    assert row["price_source"] and row["price_checked"]


QUOTES = [
    (["--size", "1024x1024"], "0.03"),
    (["--size", "1920x1080"], "0.045"),
    (["--size", "1024x1024", "--n", "3"], "0.09"),
    (["--size", "1024x1024", "--n", "2", "--refs", "1024x1024"], "0.09"),
    (["--resolution", "2k"], "0.075"),
]


@pytest.mark.parametrize(("arguments", "dollars"), QUOTES, ids=str)
def test_a_quote_counts_every_picture_and_reference(penstock: Penstock, arguments: list[str], dollars: str) -> None:
    row = at(penstock("quote", "-m", FLUX, *arguments, "--json").json, "bfl")
    assert row["low_usd"] == Decimal(dollars)


def test_the_table_says_what_the_cost_is_made_of(penstock: Penstock) -> None:
    ran = penstock("quote", "-m", FLUX, "--size", "2048x2048", "--refs", "1024x1024")
    row = next(line for line in ran.lines if line.startswith("bfl "))
    assert row.startswith("bfl $0.09 4 output megapixels $0.075 + 1 input megapixel $0.015 ")


def test_a_size_that_cannot_be_made_is_explained_and_costs_nothing(penstock: Penstock) -> None:
    rows = penstock("quote", "-m", FLUX, "--size", "4096x4096", "--json").json
    assert at(rows, "bfl")["why_not"] == "flux-2-pro at bfl makes pictures of at most 4 megapixels; 4096x4096 is 16."
    assert not any(row["able"] or "low_usd" in row for row in rows)
    table = penstock("quote", "-m", FLUX, "--size", "4096x4096")
    assert any(line.startswith("bfl cannot flux-2-pro at bfl makes pictures of at most 4") for line in table.lines)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-m", "flux-2-por"], f"There is no model 'flux-2-por'. Near: {FLUX}"),
        (["-m", FLUX, "--size", "big"], "A size is written like 1024x1024, not 'big'."),
        (["-m", FLUX, "--refs", "1x"], "A size is written like 1024x1024, not '1x'."),
    ],
)
def test_what_cannot_be_quoted_ends_with_1_and_a_sentence(
    penstock: Penstock, arguments: list[str], sentence: str
) -> None:
    ran = penstock("quote", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"penstock: {sentence}")


def test_without_a_key_only_the_sandbox_serves_models(penstock: Penstock) -> None:
    rows = penstock("models", "--json").json
    assert {row["provider"] for row in rows} == {"sandbox"}
    assert {row["model"] for row in rows} == {"sandbox/image", "sandbox/text", "sandbox/embedding"}


def test_a_key_in_the_environment_brings_its_providers_models(
    penstock: Penstock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BFL_API_KEY", "a-key")
    rows = penstock("models", "--json").json
    assert {row["provider"] for row in rows} == {"bfl", "sandbox"}
    flux = next(row for row in rows if row["model"] == FLUX)
    assert flux["price"] == "$0.03 first output megapixel, $0.015 each further; $0.015 per input megapixel"


def test_all_models_are_those_that_nobody_serves_here_too(penstock: Penstock) -> None:
    rows = penstock("models", "--all", "--json").json
    assert {row["on"] for row in rows} == {True, False}
    assert FLUX in {row["model"] for row in rows if not row["on"]}
    assert all(row["price"] == "unpriced" or row["price_checked"] for row in rows)


def test_prices_by_tokens_are_said_per_million(penstock: Penstock) -> None:
    line = next(line for line in penstock("models").lines if line.startswith("sandbox/text "))
    assert "$1 per million input tokens; $2 per million output tokens" in line


def test_a_model_without_a_price_is_unpriced_and_not_free(penstock: Penstock, tmp_path: Path) -> None:
    file = tmp_path / "penstock.yaml"
    file.write_text("""
models: [{slug: local/draw, name: Draw, maker: Us, output_modalities: [image]}]
providers:
  rack:
    adapter: openai_compatible
    base_url: http://127.0.0.1:9/v1
    offers: [{model: local/draw, upstream: draw, operations: [image_generation], limits: {free_size: true}}]
""")
    (row,) = penstock("quote", "-m", "local/draw", "--size", "512x512", "--config", str(file), "--json").json
    assert (row["unpriced"], row["low_usd"], row["high_usd"]) == (True, None, None)
    table = penstock("models", "--config", str(file))
    assert any(line.startswith("local/draw rack image unpriced") for line in table.lines)
