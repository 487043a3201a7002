"""The reference page against the code: its examples load, and its tables name every key."""

import re
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from penstock.catalogue.load import load
from penstock.catalogue.schema import (
    BenchmarkRow,
    MeterRow,
    ModelRow,
    OfferRow,
    ProviderRow,
    RatingRow,
    UnitRow,
    field_names,
)
from penstock.core.call import ImageCall, Operation, Size
from penstock.core.price import Unit
from penstock.core.target import Limits
from penstock.metering.quote import quote

PAGE = (Path(__file__).parents[2] / "docs/reference/catalogue.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)

ROWS = (ModelRow, ProviderRow, OfferRow, MeterRow, UnitRow, BenchmarkRow, RatingRow)


def test_the_examples_make_a_model_that_can_be_quoted(tmp_path: Path) -> None:
    assert [name for name, _ in EXAMPLES] == [
        "models/acme/house-style.toml",
        "providers.toml",
        "offers/rack.toml",
        "benchmarks/ours.toml",
    ]
    for name, text in EXAMPLES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    catalogue = load([tmp_path])
    model = catalogue.find("House-Style")
    assert model is not None
    (offer,) = catalogue.offers(model.slug)
    assert catalogue.providers[offer.provider].quirks == {"response_format": "b64_json"}
    call = ImageCall(model=model.slug, prompt="a gate", size=Size(2048, 1024))
    assert quote(call, offer).low == Decimal("0.008")
    assert catalogue.rating(model.slug, Operation.IMAGE_GENERATION) == 1190


@pytest.mark.parametrize(
    "key",
    sorted({name for row in ROWS for name in field_names(row)} | {field.name for field in fields(Limits)} | set(Unit)),
)
def test_every_key_and_unit_is_on_the_page(key: str) -> None:
    assert f"`{key}`" in PAGE
