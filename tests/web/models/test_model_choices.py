"""Finding models by what somebody types."""

from datetime import date

import pytest

from penstock.catalogue.load import load
from penstock.web.models.choices import MOST, choices
from penstock.web.models.index import make_index

CATALOGUE = load()
INDEX = make_index(CATALOGUE, frozenset({"sandbox"}), date(2026, 11, 27))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("flux.2-pro", "black-forest-labs/flux.2-pro"),
        ("  2-pro   FLUX ", "black-forest-labs/flux.2-pro"),
        ("GPT-IMAGE-1", "openai/gpt-image-1"),
        ("flx.2-pro", "black-forest-labs/flux.2-pro"),
    ],
)
def test_a_model_is_found_by_its_words_in_any_order_and_nearly_spelt(text: str, first: str) -> None:
    assert choices(text, INDEX, CATALOGUE).found[0].model.slug == first


def test_of_many_the_first_are_shown_and_the_others_counted() -> None:
    found = choices("image", INDEX, CATALOGUE)
    assert len(found.found) == MOST
    assert found.more > 0
    assert "sandbox/image" in [entry.model.slug for entry in found.found]


@pytest.mark.parametrize("text", ["", "   ", "zqxjk" * 50, "<script>"])
def test_nothing_fits_nothing(text: str) -> None:
    assert choices(text, INDEX, CATALOGUE).found == ()
