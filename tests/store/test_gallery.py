"""Pages of pictures, and one picture with what it came from and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from penstock.core.errors import BadRequest, NotFound
from penstock.core.principal import Scope
from penstock.store.books import BlockingBooks
from penstock.store.choices import Choices, choices
from penstock.store.db import Database
from penstock.store.gallery import GalleryFilter, PicturePlace, neighbours, page_query, pictures, prompt_in
from penstock.store.keys import NewKey, create_key
from penstock.store.ledger import Ledger
from penstock.store.picture import PictureShared, forget_picture, picture
from penstock.store.rows import AssetLinkRow, PromptRow
from tests.store.samples import NOW, asset, link, request

LINKS = Sequence[tuple[str, str] | tuple[str, str, int]]


class Gallery:
    """A ledger with pictures in it, and what the gallery says of it."""

    def __init__(self, ledger: Ledger, database: Database) -> None:
        self._ledger = ledger
        self._database = database

    async def add(
        self, id: str, links: LINKS = (), *, after: int = 0, prompt: Mapping[str, Any] | None = None, **fields: Any
    ) -> None:
        """A request `after` milliseconds; links are role, digest and seed. Outputs count as delivered."""
        made = sum(role == "output" for role, *_ in links)
        known = {"status": 200, "operation": "image_generation", "images_delivered": made, **fields}
        places: dict[str, int] = {}
        rows: list[AssetLinkRow] = []
        for role, digest, *seed in links:
            rows.append(link(digest, id, role=role, position=places.get(role, 0), seed=seed[0] if seed else None))
            places[role] = places.get(role, 0) + 1
        await self._ledger.record(
            request(id, created_at=NOW + after, **known),
            [],
            [asset(digest) for _, digest, *_ in links],
            rows,
            prompt=PromptRow(request_id=id, created_at=NOW + after, body=prompt) if prompt else None,
        )

    def look(self, work: Any, *args: Any, **named: Any) -> Any:
        with self._database.look() as connection:
            return work(connection, *args, **named)

    def shown(self, **which: Any) -> list[str]:
        """Digests of the first page."""
        return [made.asset.digest for made in self.look(pictures, GalleryFilter(**which)).pictures]


@pytest.fixture
def gallery(ledger: Ledger, database: Database) -> Gallery:
    return Gallery(ledger, database)


async def test_pictures_come_newest_first_and_those_of_one_request_in_their_order(gallery: Gallery) -> None:
    await gallery.add("req_a", [("output", "old")])
    await gallery.add("req_b", [("output", "x"), ("output", "y"), ("output", "z")], after=2)
    await gallery.add("req_c", [("output", "same time")], after=2)
    await gallery.add("req_d", [], after=3, operation="chat")
    assert gallery.shown() == ["same time", "x", "y", "z", "old"]


async def test_what_an_entry_says(gallery: Gallery, shell: BlockingBooks) -> None:
    key, _ = shell.change(lambda c: create_key(c, NewKey("website", (Scope.READ,)), NOW))
    facts = {"model": "maker/model", "provider": "bfl", "cost_pico": 60_000_000_000, "key_id": key.id}
    links = [("output", "one", 2**70), ("output", "two"), ("reference", "sent")]
    await gallery.add("req_a", links, operation="image_edit", prompt={"prompt": "a boat"}, **facts)
    first, second = gallery.look(pictures, GalleryFilter()).pictures
    assert first.asset == asset("one")
    assert (first.created_at, first.request_id, first.position, first.seed) == (NOW, "req_a", 0, 2**70)
    assert (first.model, first.provider, first.operation) == ("maker/model", "bfl", "image_edit")
    assert (first.cost_pico, first.made) == (60_000_000_000, 2)
    assert (first.key_id, first.key_name, first.prompt, first.has_references) == (key.id, "website", "a boat", True)
    assert (second.position, second.seed) == (1, None)


async def test_what_is_not_known_is_none(gallery: Gallery) -> None:
    await gallery.add("req_a", [("output", "one")], operation=None)
    (made,) = gallery.look(pictures, GalleryFilter()).pictures
    unknown = (made.seed, made.model, made.provider, made.operation, made.cost_pico, made.key_name, made.prompt)
    assert unknown == (None,) * 7
    assert made.has_references is False


async def test_copies_deleted_pictures_and_what_was_not_the_answer_are_left_out(
    gallery: Gallery, ledger: Ledger
) -> None:
    await gallery.add("req_a", [("output", "seen"), ("alternative", "lost"), ("partial", "preview"), ("mask", "mask")])
    await gallery.add("req_b", [("output", "copy")], mirror_of="req_a")
    await gallery.add("req_c", [("output", "deleted"), ("output", "kept")], after=1)
    await ledger.forget_asset("deleted")
    assert gallery.shown() == ["kept", "seen"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
async def test_pages_follow_one_another_without_gap_or_repetition(gallery: Gallery, limit: int) -> None:
    for n in range(5):
        await gallery.add(f"req_{n}", [("output", f"d{n}{p}") for p in range(n + 1)], after=n // 2)
    everything = gallery.shown()
    assert len(everything) == 15
    found: list[str] = []
    place: PicturePlace | None = None
    while True:
        page = gallery.look(pictures, GalleryFilter(), place, limit)
        assert len(page.pictures) <= limit
        found += [made.asset.digest for made in page.pictures]
        if page.next is None:
            break
        place = PicturePlace.read(str(page.next))
        assert place == page.next
    assert found == everything


@pytest.mark.parametrize("text", ["", "1", "1.req_a", "x.req_a.0", "1.req a.0", "1.req_a.-1", "9" * 20 + ".a.0"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        PicturePlace.read(text)


async def test_pictures_are_filtered(gallery: Gallery, shell: BlockingBooks) -> None:
    ours, _ = shell.change(lambda c: create_key(c, NewKey("ours", (Scope.READ,)), NOW))
    await gallery.add("req_a", [("output", "a")], key_id=ours.id, model="m/one", provider="bfl", team_id="team_1")
    await gallery.add("req_b", [("output", "b")], after=10, key_id="key_b", model="m/two", operation="image_edit")
    assert gallery.shown(key_id=ours.id) == ["a"]
    assert gallery.shown(key_id="key_x") == []
    assert gallery.shown(where={"key": "ours"}) == ["a"]
    assert gallery.shown(key_id="key_b", where={"key": "ours"}) == [], "a key's holder sees no other's"
    assert gallery.shown(where={"model": "m/two"}) == ["b"]
    assert gallery.shown(where={"provider": "bfl"}) == ["a"]
    assert gallery.shown(where={"operation": "image_edit"}) == ["b"]
    assert gallery.shown(since_ms=NOW + 1) == ["b"]
    assert gallery.shown(until_ms=NOW + 10) == ["a"]
    with pytest.raises(BadRequest):
        gallery.shown(where={"colour": "red"})
    with pytest.raises(NotFound):
        gallery.shown(where={"key": "nobody"})


FOUND = {
    "lighthouse": ["a"],
    "LightHouse": ["a"],
    " 100% ": ["a"],
    "0% s": ["a"],
    "1_0": [],
    "%": ["a"],
    "_": ["c"],
    "/": ["b"],
    "'; drop table": [],
    "harbour": ["b"],
    "snake": ["c"],
    "": ["d", "c", "b", "a"],
}


@pytest.mark.parametrize(("words", "found"), FOUND.items(), ids=[repr(words) for words in FOUND])
async def test_words_are_looked_for_in_kept_prompts(gallery: Gallery, words: str, found: list[str]) -> None:
    await gallery.add("req_a", [("output", "a")], prompt={"prompt": "A Lighthouse, 100% sure", "references": []})
    await gallery.add("req_b", [("output", "b")], after=1, prompt={"prompt": "and/or a harbour"})
    chat = {"messages": [{"role": "user", "content": "draw a snake_case"}]}
    await gallery.add("req_c", [("output", "c")], after=2, prompt=chat)
    await gallery.add("req_d", [("output", "d")], after=3)
    assert gallery.shown(text=words) == found


async def test_a_very_long_text_is_not_looked_for(gallery: Gallery) -> None:
    with pytest.raises(BadRequest):
        gallery.shown(text="x" * 201)


PROMPTS: list[tuple[Any, str | None]] = [
    (None, None),
    ({}, None),
    ({"prompt": ""}, ""),
    ({"prompt": "a boat", "messages": 3}, "a boat"),
    ({"messages": "none"}, None),
    ({"messages": [1, {"role": "system", "content": "be kind"}]}, None),
    ({"messages": [{"role": "user", "content": "first"}, {"role": "user", "content": "last"}, {"role": "x"}]}, "last"),
    ({"messages": [{"role": "user", "content": [{"text": "a"}, {"image_url": {}}, 5, {"text": "b"}]}]}, "a\nb"),
    ({"messages": [{"role": "user", "content": [{"image_url": {}}]}]}, None),
]


@pytest.mark.parametrize(("fields", "prompt"), PROMPTS)
def test_the_prompt_in_kept_fields(fields: Any, prompt: str | None) -> None:
    assert prompt_in(fields) == prompt


WAYS = {
    "newest": GalleryFilter(),
    "of a key": GalleryFilter(key_id="key_1"),
    "of a model": GalleryFilter(where={"model": "m/one"}),
    "of some days": GalleryFilter(since_ms=NOW, until_ms=NOW + 10**9),
    "since": GalleryFilter(since_ms=NOW),
    "with words": GalleryFilter(text="boat"),
    "all of it": GalleryFilter(key_id="k", where={"provider": "bfl"}, since_ms=NOW, until_ms=NOW + 1, text="boat"),
}


@pytest.mark.parametrize("before", [None, PicturePlace(NOW, "req_a", 0)], ids=["first", "further"])
@pytest.mark.parametrize("which", WAYS.values(), ids=WAYS)
async def test_a_page_is_found_through_the_index_of_requests_with_pictures(
    gallery: Gallery, which: GalleryFilter, before: PicturePlace | None
) -> None:
    """Measured on 1,010,000 requests with 10,000 pictures: 1.4 ms for 60, 77 ms beginning with the links."""
    for n in range(30):
        await gallery.add(f"req_{n:02}", [("output", f"d{n}")] if n % 10 == 0 else [], after=n)

    def plan(c: Connection) -> list[str]:
        query = page_query(c, which, before, 61).compile(c, compile_kwargs={"literal_binds": True})
        return [row[-1] for row in c.execute(text(f"EXPLAIN QUERY PLAN {str(query).replace(':', chr(92) + ':')}"))]

    steps = gallery.look(plan)
    assert "requests USING INDEX requests_with_pictures" in steps[0], steps
    assert steps[1].startswith("SEARCH asset_links USING INDEX sqlite_autoindex_asset_links_1 (request_id=? AND"), steps
    assert [step for step in steps if step.startswith("SCAN")] in ([], [steps[0]])
    assert not [step for step in steps if step.endswith("TREE FOR ORDER BY")], "nothing but one request's is sorted"


# One picture.


@pytest.fixture
async def lineage(gallery: Gallery) -> Gallery:
    """A photo and a mask became a draft, with a sibling and a loser; drafts became two finals, twice."""
    await gallery.add("req_0", [("output", "draft")], key_id="theirs", cost_pico=5)
    links = [("reference", "photo"), ("mask", "mask"), ("output", "draft", 7), ("output", "twin")]
    kept = {"prompt": "a boat", "references": ["photo"]}
    await gallery.add("req_1", [*links, ("alternative", "loser")], after=1, key_id="ours", prompt=kept, cost_pico=9)
    await gallery.add("req_2", [("reference", "draft"), ("output", "final")], after=2, key_id="ours")
    await gallery.add("req_3", [("reference", "draft"), ("reference", "draft"), ("output", "final")], after=3)
    await gallery.add("req_4", [("reference", "draft"), ("output", "other")], after=4, key_id="theirs")
    await gallery.add("req_5", [("reference", "draft"), ("output", "copy")], after=5, mirror_of="req_4")
    await gallery.add("req_6", [("reference", "draft")], after=6, status=400)
    return gallery


async def test_everything_about_a_picture(lineage: Gallery, ledger: Ledger) -> None:
    await ledger.forget_asset("photo")
    found = lineage.look(picture, "draft")
    assert found.asset == asset("draft")
    newest, oldest = found.made_by
    assert (newest.request.id, newest.role, newest.position, newest.seed) == ("req_1", "output", 0, 7)
    assert (newest.prompt, newest.fields["references"], newest.request.cost_pico) == ("a boat", ["photo"], 9)
    assert (oldest.request.id, oldest.prompt, oldest.fields, oldest.seed) == ("req_0", None, None, None)
    made_from = [(other.role, other.digest, other.asset is not None) for other in found.made_from]
    assert made_from == [("reference", "photo", False), ("mask", "mask", True)]
    beside = [(other.role, other.digest, other.position) for other in found.beside]
    assert beside == [("output", "twin", 1), ("alternative", "loser", 0)]
    assert [(other.digest, other.request_id) for other in found.made_into] == [("other", "req_4"), ("final", "req_3")]


async def test_a_key_is_told_of_its_own_only(lineage: Gallery) -> None:
    found = lineage.look(picture, "draft", "ours")
    assert [making.request.id for making in found.made_by] == ["req_1"]
    assert [(other.digest, other.request_id) for other in found.made_into] == [("final", "req_2")]
    other = lineage.look(picture, "draft", "theirs")
    assert ([making.request.id for making in other.made_by], other.made_from, other.beside) == (["req_0"], [], [])
    assert [related.digest for related in other.made_into] == ["other"]


async def test_a_picture_that_was_only_sent(lineage: Gallery) -> None:
    found = lineage.look(picture, "photo", "ours")
    assert (found.made_by, found.made_from, found.beside) == ([], (), [])
    assert [other.digest for other in found.made_into] == ["draft", "twin"]


async def test_a_picture_of_an_attempt_that_lost(lineage: Gallery) -> None:
    found = lineage.look(picture, "loser", "ours")
    assert [(making.request.id, making.role) for making in found.made_by] == [("req_1", "alternative")]
    assert [other.digest for other in found.beside] == ["draft", "twin"]


@pytest.mark.parametrize(("digest", "key"), [("nothing", None), ("photo", "theirs"), ("draft", "nobody"), ("", None)])
async def test_a_picture_that_is_not_there_or_not_theirs(lineage: Gallery, digest: str, key: str | None) -> None:
    with pytest.raises(NotFound) as caught:
        lineage.look(picture, digest, key)
    assert caught.value.code == "asset_not_found"


async def test_of_many_pictures_made_of_one_the_newest_hundred_are_told(gallery: Gallery) -> None:
    await gallery.add("req_a", [("output", "seed")])
    for n in range(120):
        await gallery.add(f"req_{n:03}", [("reference", "seed"), ("output", f"d{n}")], after=n)
    told = gallery.look(picture, "seed").made_into
    assert [other.digest for other in told] == [f"d{n}" for n in range(119, 19, -1)]


# Forgotten.


async def test_a_picture_is_forgotten_by_its_key_alone(
    lineage: Gallery, shell: BlockingBooks, database: Database
) -> None:
    for digest, key, error in (
        ("draft", "ours", PictureShared),
        ("draft", "nobody", NotFound),
        ("nothing", None, NotFound),
        ("twin", "theirs", NotFound),
    ):
        with pytest.raises(error):
            shell.change(lambda c, digest=digest, key=key: forget_picture(c, digest, key))
    for digest, key in (("twin", "ours"), ("final", "ours"), ("photo", "ours"), ("draft", None)):
        shell.change(lambda c, digest=digest, key=key: forget_picture(c, digest, key))
        with pytest.raises(NotFound):
            shell.change(lambda c, digest=digest, key=key: forget_picture(c, digest, key))
    with database.look() as c:
        assert c.execute(text("select count(*) from asset_links where digest = 'draft'")).scalar() == 8
    assert "draft" not in lineage.shown()


async def test_one_walks_up_and_down_the_gallery_picture_by_picture(gallery: Gallery) -> None:
    for n in range(5):
        await gallery.add(
            f"req_{n}", [("output", f"d{n}{p}") for p in range(n + 1)], after=n // 2, key_id=f"key_{n % 2}"
        )
    for which in (GalleryFilter(), GalleryFilter(key_id="key_1")):
        shown = gallery.look(pictures, which).pictures
        for at, made in enumerate(shown):
            beside = gallery.look(neighbours, which, made.place)
            assert beside.before == (shown[at - 1] if at else None)
            assert beside.after == (shown[at + 1] if at + 1 < len(shown) else None)


async def test_there_is_to_choose_from_what_made_pictures_lately(gallery: Gallery, shell: BlockingBooks) -> None:
    one, _ = shell.change(lambda c: create_key(c, NewKey("website", (Scope.READ,)), NOW))
    await gallery.add("req_a", [("output", "a")], model="maker/b", provider="bfl", key_id=one.id)
    await gallery.add("req_b", [("output", "b")], model="maker/a", provider="openai", key_id="key_gone", team_id="gone")
    await gallery.add("req_c", [], model="maker/text", provider="talker")
    await gallery.add("req_d", [("output", "c")], model="maker/copied", provider="copier", mirror_of="req_a")
    await gallery.add("req_e", [("output", "d")])
    assert gallery.look(choices) == Choices(["maker/a", "maker/b"], ["bfl", "openai"], ["website"], [])
    assert gallery.look(choices, one.id) == Choices(["maker/b"], ["bfl"], (), ())
