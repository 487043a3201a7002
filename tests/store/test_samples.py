"""The latest pictures of models, for pages that show several of them."""

import pytest

from penstock.store import samples
from penstock.store.books import BlockingBooks
from penstock.store.ledger import Ledger
from penstock.store.samples import latest_pictures_by_model
from tests.store.samples import NOW, asset, link, request


async def made(
    ledger: Ledger, number: int, model: str, key: str = "key_1", pictures: int = 1, **fields: object
) -> None:
    """A request that made pictures `d<number>_0` and so on."""
    id = f"req_{number}"
    known = {"model": model, "key_id": key, "status": 200, "images_delivered": pictures, "created_at": NOW + number}
    assets = [asset(f"d{number}_{place}") for place in range(pictures)]
    links = [link(f"d{number}_{place}", id, position=place) for place in range(pictures)]
    await ledger.record(request(id, **{**known, **fields}), (), assets, links)


def digests(found: dict[str, list[samples.Sample]]) -> dict[str, list[str]]:
    return {model: [sample.digest for sample in rows] for model, rows in found.items()}


async def test_the_newest_pictures_of_each_model_are_found(ledger: Ledger, shell: BlockingBooks) -> None:
    await made(ledger, 1, "a/one", pictures=2)
    await made(ledger, 2, "a/two")
    await made(ledger, 3, "a/one")
    await made(ledger, 4, "a/three")
    found = shell.read(lambda c: latest_pictures_by_model(c, ["a/one", "a/two", "a/none"]))
    assert digests(found) == {"a/one": ["d3_0"], "a/two": ["d2_0"]}
    found = shell.read(lambda c: latest_pictures_by_model(c, ["a/one"], each=12))
    assert digests(found) == {"a/one": ["d3_0", "d1_0", "d1_1"]}


async def test_a_key_sees_its_own_and_copies_for_comparison_are_nobody_s(ledger: Ledger, shell: BlockingBooks) -> None:
    await made(ledger, 1, "a/one", key="key_1")
    await made(ledger, 2, "a/one", key="key_2")
    await made(ledger, 3, "a/one", key="key_1", mirror_of="req_1")
    assert digests(shell.read(lambda c: latest_pictures_by_model(c, ["a/one"]))) == {"a/one": ["d2_0"]}
    assert digests(shell.read(lambda c: latest_pictures_by_model(c, ["a/one"], "key_1"))) == {"a/one": ["d1_0"]}
    assert shell.read(lambda c: latest_pictures_by_model(c, ["a/one"], "key_3")) == {}


async def test_only_the_newest_requests_are_looked_through(
    ledger: Ledger, shell: BlockingBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(ledger, 1, "a/old")
    await made(ledger, 2, "a/new")
    monkeypatch.setattr(samples, "LOOKED_THROUGH", 1)
    assert digests(shell.read(lambda c: latest_pictures_by_model(c, ["a/old", "a/new"]))) == {"a/new": ["d2_0"]}
