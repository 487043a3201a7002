"""A model's page as machines read it, and the picture of links to it."""

import json
from datetime import date
from io import BytesIO

from PIL import Image

from penstock.catalogue.load import load
from penstock.core.target import Model
from penstock.web.models.index import make_index
from penstock.web.models.linked_data import linked_data
from penstock.web.models.social_card import HEIGHT, WIDTH, Shown, social_card

PICTURE = "http://127.0.0.1/models/a/b/card.png"


def test_offers_are_told_only_where_there_is_a_price() -> None:
    index = make_index(load(), frozenset({"sandbox"}), date(2026, 11, 28))
    told = json.loads(linked_data(index.entries["sandbox/image"], "http://127.0.0.1/models/a/b", PICTURE))
    assert told["@type"] == "SoftwareApplication" and told["creator"]["name"] == "Penstock"
    assert told["offers"]["lowPrice"] == told["offers"]["highPrice"] == "0.03"
    unpriced = next(entry for entry in index.entries.values() if entry.picture is None and entry.text is None)
    assert "offers" not in json.loads(linked_data(unpriced, "http://127.0.0.1/models/a/b", PICTURE))


def test_a_hostile_name_cannot_end_the_script_element() -> None:
    catalogue = load().updated(
        models=[Model(slug="evil/one", name="</script><script>alert(1)</script>", maker="<!--", description="a & b")]
    )
    entry = make_index(catalogue, frozenset(), date(2026, 11, 28)).entries["evil/one"]
    text = linked_data(entry, "http://127.0.0.1/models/evil/one", PICTURE)
    assert not set("<>&") & set(text)
    assert json.loads(text)["name"] == "</script><script>alert(1)</script>"


def test_a_card_has_the_size_that_previews_want_whatever_is_written_on_it() -> None:
    for name in ("FLUX.2 [pro]", "x" * 200, "a very long name of a model that goes on " * 5, "<b>& ☃ 模型"):
        data = social_card(Shown(name, "Maker " * 40, "Text in, pictures out", "From $0.03 per picture"))
        with Image.open(BytesIO(data)) as picture:
            assert (picture.format, picture.size) == ("PNG", (WIDTH, HEIGHT))
        assert len(data) < 60_000
