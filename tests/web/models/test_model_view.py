"""What a model's page says for everybody: limits, abilities and answers, and what is not known stays so."""

from datetime import date

import pytest

from penstock.catalogue.imported import files
from penstock.catalogue.load import DATA, load
from penstock.catalogue.search import Catalogue
from penstock.web.models.faq import questions
from penstock.web.models.index import Index, make_index
from penstock.web.models.view import abilities, elsewhere, how_to_connect, limit_rows, offered

DAY = date(2026, 11, 28)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load([], files(DATA))


@pytest.fixture(scope="module")
def index(catalogue: Catalogue) -> Index:
    return make_index(catalogue, frozenset({"sandbox", "openai"}), DAY)


def test_those_that_can_be_called_come_first_and_those_that_ended_last(catalogue: Catalogue, index: Index) -> None:
    order = {"on": 0, "off": 1, "ended": 2}
    for entry in index.entries.values():
        standings = [order[each.standing] for each in offered(entry, catalogue)]
        assert standings == sorted(standings)


def test_what_only_an_import_knows_is_not_called_unsupported(catalogue: Catalogue, index: Index) -> None:
    entry = index.entries["openai/gpt-image-1"]
    imported = [each for each in offered(entry, catalogue) if catalogue.is_imported(each.offer)]
    assert imported
    for ability in abilities(entry.model, imported, catalogue):
        assert ability.does is not False or ability.name in ("Edits pictures", "Chats about pictures")
    known = {each.name: each.does for each in abilities(entry.model, offered(entry, catalogue), catalogue)}
    assert known["Edits pictures"] and known["Takes a mask"] and not known["Chats about pictures"]


def test_a_model_of_text_is_not_asked_whether_it_takes_masks(catalogue: Catalogue, index: Index) -> None:
    entry = index.entries["openai/gpt-oss-120b"]
    names = [each.name for each in abilities(entry.model, offered(entry, catalogue), catalogue)]
    assert names == ["Chats about pictures", "Reads documents", "Hears sound"]


def test_providers_with_the_same_limits_share_a_row(catalogue: Catalogue, index: Index) -> None:
    entry = index.entries["openai/gpt-oss-120b"]
    offers = offered(entry, catalogue)
    rows = limit_rows(offers, entry, catalogue)
    assert 1 < len(rows) < len(offers) and len({row.cells for row in rows}) == len(rows)


def test_whoever_is_not_connected_says_what_would_connect_it(catalogue: Catalogue, index: Index) -> None:
    offers = elsewhere(offered(index.entries["black-forest-labs/flux.2-pro"], catalogue))
    told = {each.offer.provider: how_to_connect(each) for each in offers}
    assert told["bfl"] == "The environment variable BFL_API_KEY connects it."
    assert "cannot be called from here yet" in told["fal"]


def test_only_what_is_known_is_answered(catalogue: Catalogue, index: Index) -> None:
    for slug in ("sandbox/image", "black-forest-labs/flux.2-pro", "openai/gpt-oss-120b", "openai/gpt-image-2"):
        entry = index.entries[slug]
        answers = questions(entry, offered(entry, catalogue), None)
        assert 3 <= len(answers) <= 8 and not any("How fast" in each.question for each in answers)
        for each in answers:
            assert each.question.endswith("?") and each.answer.endswith(".")
            assert "None" not in each.answer and "  " not in each.answer, each.answer
    entry = index.entries["sandbox/image"]
    answers = {each.question: each.answer for each in questions(entry, offered(entry, catalogue), 0.25)}
    assert answers["How fast is Sandbox Image here?"].startswith("Half of the answers of the last day took 250 ms")
    assert answers["Who serves Sandbox Image here?"] == "Sandbox."
    assert answers["Can Sandbox Image edit pictures?"] == "Yes, from up to 16 pictures."
    assert "Are the weights of Sandbox Image open?" not in answers
