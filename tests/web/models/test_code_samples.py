"""Code that calls a model: all of it can be read by its language, and none is told for what no endpoint is for."""

import json
import shlex

import pytest

from penstock.catalogue.capability import refusal
from penstock.catalogue.imported import files
from penstock.catalogue.load import DATA, load
from penstock.catalogue.search import Catalogue
from penstock.core.call import ImageCall, Operation, Size
from penstock.web.models.code_samples import PROMPT, code_samples, usual_call, usual_size

BASE = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load([], files(DATA))


def test_the_code_of_every_model_can_be_read_by_its_language(catalogue: Catalogue) -> None:
    for slug, model in catalogue.models.items():
        offers = catalogue.offers(slug)
        samples = code_samples(model, offers, BASE)
        assert bool(samples) == any(offer.operations for offer in offers), slug
        for sample in samples:
            assert slug in sample.text and f"{BASE}/v1" in sample.text and "PENSTOCK_API_KEY" in sample.text
            assert "None" not in sample.text and "undefined" not in sample.text
            if sample.language == "python":
                compile(sample.text, slug, "exec")
            if sample.language == "bash":
                words = shlex.split(sample.text)
                assert words[0] == "curl"
                if "-d" in words:
                    assert json.loads(words[words.index("-d") + 1])["model"] == slug
            if sample.language == "javascript":
                assert sample.text.count("{") == sample.text.count("}")


def test_a_size_that_is_shown_is_one_that_is_taken(catalogue: Catalogue) -> None:
    shown = 0
    for slug, model in catalogue.models.items():
        operation, offer = usual_call(catalogue.offers(slug))
        if operation is not Operation.IMAGE_GENERATION or offer is None:
            continue
        text = usual_size(model, offer, operation)
        shown += text is not None
        call = ImageCall(model=slug, prompt=PROMPT, size=Size.parse(text or ""))
        if text is not None:
            assert refusal(call, offer, model) is None, slug
    assert shown > 20
