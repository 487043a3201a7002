"""`penstock quote` and `penstock models`: prices from the catalogue, without calling anybody."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.commands.conftest import Penstock
from tests.e2e.pictures import png

FLUX = "black-forest-labs/flux.2-pro"


def at(rows: list[dict[str, object]], provider: str) -> dict[str, object]:
    return next(row for row in rows if row["provider"] == provider)


@pytest.mark.parametrize("name", [FLUX, "black-forest-labs/flux-2-pro", "flux-2-pro", "FLUX.2-Pro"])
def test_four_megapixels_from_a_reference_of_one_cost_nine_cents(penstock: Penstock, name: str) -> None:
    ran = penstock("quote", "-m", name, "--size", "2048x2048", "--refs", "1024x1024", "--json")
    row = at(ran.json, "bfl")
    assert (ran.code, row["model"], row["able"], row["certainty"]) == (0, FLUX, True, "exact")
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
    (["--size", "1024x1024", "-n", "2", "--operation", "image_edit", "--refs", "64x64", "--refs", "64x64"], "0.12"),
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
    assert not any(row["able"] or row["low_usd"] or row["certainty"] for row in rows)
    table = penstock("quote", "-m", FLUX, "--size", "4096x4096")
    assert any(line.startswith("bfl cannot flux-2-pro at bfl makes pictures of at most 4") for line in table.lines)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-m", "flux-2-por"], f"There is no model `flux-2-por`. Did you mean `{FLUX}`"),
        (["-m", FLUX, "--operation", "image_edit"], "`references` is missing: an edit needs a picture to start from."),
        (["-m", FLUX, "--output-tokens", "5"], "`output_tokens` has no meaning for image_generation; leave it out."),
        (["-m", "sandbox/text", "--size", "64x64"], "`size` has no meaning for chat; leave it out."),
        (["-m", FLUX, "--size", "64"], "`size` must be like 1024x1024, 2K or auto, not '64'."),
        (["-m", FLUX, "--ref", "/nowhere.png"], "/nowhere.png cannot be used: No such file or directory."),
        (["-m", FLUX, "--size", "big"], "`size` must be like 1024x1024, 2K or auto, not 'big'."),
        (["-m", FLUX, "--refs", "1x"], "A size is written like 1024x1024, not '1x'."),
    ],
)
def test_what_cannot_be_quoted_ends_with_1_and_a_sentence(
    penstock: Penstock, arguments: list[str], sentence: str
) -> None:
    ran = penstock("quote", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"penstock: {sentence}")


def test_reference_pictures_are_measured(penstock: Penstock, tmp_path: Path) -> None:
    file = tmp_path / "wide.png"
    file.write_bytes(png(2048, 1024))
    row = at(penstock("quote", "-m", FLUX, "--size", "1024x1024", "--ref", str(file), "--json").json, "bfl")
    assert [(line["unit"], line["quantity"]) for line in row["lines"]] == [
        ("output_megapixel", 1),
        ("input_megapixel", 2),
    ]


def test_what_is_no_picture_is_told_with_its_name(penstock: Penstock, tmp_path: Path) -> None:
    file = tmp_path / "words.png"
    file.write_text("words")
    ran = penstock("quote", "-m", FLUX, "--ref", str(file))
    assert ran.code == 1 and ran.err.startswith(f"penstock: {file}: ")


def test_text_is_quoted_by_its_tokens(penstock: Penstock) -> None:
    (row,) = penstock("quote", "-m", "sandbox/text", "--input-tokens", "1000", "--output-tokens", "500", "--json").json
    assert (row["certainty"], row["low_usd"], row["on"]) == ("exact", Decimal("0.002"), True)
    (row,) = penstock("quote", "-m", "sandbox/embedding", "--input-tokens", "1000", "--json").json
    assert row["low_usd"] == Decimal("0.0001")


def test_requests_a_day_come_to_a_day_and_a_month(penstock: Penstock) -> None:
    arguments = ("quote", "-m", "sandbox/image", "--size", "1024x1024", "--requests-per-day", "1000")
    (row,) = penstock(*arguments, "--json").json
    assert [row[name] for name in ("per_request_usd", "per_day_usd", "per_month_usd")] == [
        Decimal("0.03"),
        Decimal(30),
        Decimal("913.125"),
    ]
    lines = penstock(*arguments).lines
    assert lines[0] == "Provider Cost A day A month Made of Price checked"
    assert lines[1].startswith("sandbox $0.03 $30 $913.125 1 output megapixel $0.03 ")


def test_an_estimate_shows_both_ends_and_where_one_is_not_known(penstock: Penstock) -> None:
    lines = penstock("quote", "-m", "openai/gpt-image-1").lines
    assert any(line.startswith("openai $0.04224 to $0.24976 1056 image output tokens ") for line in lines)
    lines = penstock("quote", "-m", "openai/gpt-image-1", "--refs", "64x64").lines
    assert any(line.startswith("openai $0.04224 to ? ") for line in lines)


def test_an_option_out_of_bounds_ends_with_2(penstock: Penstock) -> None:
    for wrong in (["-n", "0"], ["-n", "11"], ["--operation", "video"], ["--requests-per-day", "-1"]):
        assert penstock("quote", "-m", FLUX, *wrong).code == 2


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
    assert (row["certainty"], row["low_usd"], row["high_usd"]) == ("unpriced", None, None)
    table = penstock("models", "--config", str(file))
    assert any(line.startswith("local/draw rack image unpriced") for line in table.lines)
