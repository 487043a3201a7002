"""`penstock catalogue`: importing, and what a check finds."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penstock.catalogue.search import Catalogue
from penstock.cli import app
from penstock.commands.catalogue import check_catalogue
from penstock.core.call import Operation
from penstock.core.price import Meter, Price, Unit
from penstock.core.target import Model, Offer, Provider

DAY = date(2026, 11, 21)
MODEL = Model(slug="own/model", name="Model", maker="Own", aliases=("model",))
PRICE = Price(meters=(Meter(unit=Unit.REQUEST, amount=Decimal(1)),), source="a letter", checked=DAY)
OFFER = Offer(model="own/model", provider="home", upstream="m", operations=frozenset({Operation.CHAT}), price=PRICE)
HOME = Provider(slug="home", name="Home", adapter="openai_compatible")
ZERO = (Meter(unit=Unit.REQUEST, amount=Decimal(0)),)
FILE = {
    "sample_spec": {},
    "gpt-9": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 4e-06,
    },
}


def catalogue(offer: Offer = OFFER, *models: Model) -> Catalogue:
    return Catalogue().updated(models=[*models] or [MODEL], providers=[HOME], offers=[offer])


def test_a_catalogue_without_fault_is_told_by_its_numbers() -> None:
    report = check_catalogue(catalogue(), DAY)
    assert (report.models, report.offers, report.imported) == (1, 1, 0)
    assert report.faults == report.old == report.ended == report.ending == ()


FAULTS = {
    "an unpriced offer that does not say why": (replace(OFFER, price=None), "no note"),
    "a price without a source": (replace(OFFER, price=replace(PRICE, source=" ")), "no source"),
    "a price from the future": (replace(OFFER, price=replace(PRICE, checked=DAY + timedelta(1))), "still to come"),
    "a zero that nobody calls free": (replace(OFFER, price=replace(PRICE, meters=ZERO)), "zero"),
}


@pytest.mark.parametrize(("offer", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_an_offer_is_told(offer: Offer, sentence: str) -> None:
    (fault,) = check_catalogue(catalogue(offer), DAY).faults
    assert fault.about == "home/m" and sentence in fault.message


def test_a_zero_that_is_called_free_is_no_fault() -> None:
    free = replace(OFFER, price=replace(PRICE, meters=ZERO, note="Runs on our own machine."))
    assert check_catalogue(catalogue(free), DAY).faults == ()


MODELS = {
    "a successor that is not there": ((replace(MODEL, successor="own/next"),), "'own/next'"),
    "a model that nobody sells": ((MODEL, replace(MODEL, slug="own/other", aliases=())), "Nobody sells it"),
}


@pytest.mark.parametrize(("models", "sentence"), MODELS.values(), ids=MODELS)
def test_a_fault_of_a_model_is_told(models: tuple[Model, ...], sentence: str) -> None:
    assert [
        fault.message for fault in check_catalogue(catalogue(OFFER, *models), DAY).faults if sentence in fault.message
    ]


def test_a_name_that_two_models_claim_is_a_fault() -> None:
    other = replace(MODEL, slug="own/other")
    claimed = catalogue().updated(models=[other], offers=[replace(OFFER, model="own/other", upstream="o")])
    (fault,) = check_catalogue(claimed, DAY).faults
    assert (fault.about, "own/other" in fault.message) == ("own/model", True)


@pytest.mark.parametrize(("days", "old"), [(30, False), (31, True)])
def test_a_price_is_old_after_thirty_days(days: int, old: bool) -> None:
    read = replace(OFFER, price=replace(PRICE, checked=DAY - timedelta(days)))
    assert bool(check_catalogue(catalogue(read), DAY).old) is old


@pytest.mark.parametrize(("days", "where"), [(-1, "ended"), (0, "ended"), (1, "ending"), (60, "ending"), (61, "")])
def test_an_offer_that_ends_is_told_sixty_days_before(days: int, where: str) -> None:
    report = check_catalogue(catalogue(replace(OFFER, deprecates=DAY + timedelta(days))), DAY)
    assert {name for name in ("ended", "ending") if getattr(report, name)} == ({where} - {""})


def test_a_file_of_litellm_is_imported_into_the_owner_s_folder_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(FILE), encoding="utf-8")
    data = str(tmp_path / "data")
    made = CliRunner().invoke(
        app,
        [
            "catalogue",
            "import",
            "litellm",
            str(file),
            "--release",
            "9.9",
            "--date",
            "2026-11-21",
            "--data",
            data,
            "--json",
        ],
    )
    assert made.exit_code == 0, made.output
    facts = json.loads(made.output)
    assert (facts["offers"], facts["models"], facts["unpriced"]) == (1, 1, 0)
    assert facts["file"] == str(tmp_path / "data/catalogue/imported/litellm.json")
    checked = CliRunner().invoke(app, ["catalogue", "check", "--data", data, "--json"])
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.output)["imported"] == 1


def test_a_catalogue_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    folder = tmp_path / "catalogue" / "offers"
    folder.mkdir(parents=True)
    (folder / "bfl.toml").write_text('[[offer]]\nupstream = "flux-2-pro"\nmodel = "nobody/nothing"\n', encoding="utf-8")
    checked = CliRunner().invoke(app, ["catalogue", "check", "--data", str(tmp_path), "--json"])
    assert checked.exit_code == 1
    assert "nobody/nothing" in json.loads(checked.output)["faults"][0]["message"]
