"""Taking pictures out of JSON as it arrives."""

import base64
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asset_pictures import FORMATS, jpeg_with_metadata, png, real
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.assets.measure import NotAPicture
from penstock.assets.scan import MOST_PICTURES, PictureScanner
from penstock.assets.store import AssetStore
from penstock.core.errors import TooLarge
from penstock.core.picture import Picture
from penstock.core.pieces import digest_in, placeholder, split

thorough = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


@pytest.fixture
def store(tmp_path: Path) -> AssetStore:
    return AssetStore.open(str(tmp_path), tmp_path)


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def cut(data: bytes, at: Iterable[int]) -> Iterator[bytes]:
    for start, end in itertools.pairwise([0, *sorted(at), len(data)]):
        yield data[start:end]


async def scanned(store: AssetStore, chunks: Iterable[bytes], **limits: int) -> tuple[bytes, dict[str, Picture]]:
    scanner = PictureScanner(store, **limits)
    for chunk in chunks:
        scanner.feed(chunk)
    return await scanner.finish()


async def restored(store: AssetStore, value: Any, pictures: dict[str, Picture]) -> Any:
    """A decoded document with every placeholder turned back into base64 from the store."""
    if isinstance(value, dict):
        return {key: await restored(store, item, pictures) for key, item in value.items()}
    if isinstance(value, list):
        return [await restored(store, item, pictures) for item in value]
    digest = digest_in(value) if isinstance(value, str) else None
    if digest is None:
        return value
    return value.replace(placeholder(digest), text_of(await store.load(pictures[digest].digest)))


PICTURES = [
    *(real(kind, 60, 50) for kind in FORMATS),
    jpeg_with_metadata(70_000),
    *(png(length, seed=length) for length in (770, 771, 772, 1000, 3001, 70_000)),
]
HEADS = ["", "data:image/png;base64,", "DATA:image/WebP;charset=utf-8;BASE64,", "data:;base64,", "data:x/y;base64,"]

long_base64 = st.integers(900, 3000).map(lambda length: ("iVBORw0KGgo+/" * 300)[-length:].lstrip("iV"))
texts = st.one_of(
    st.text(max_size=20),
    st.text(alphabet='\\"/:,u0 \n', max_size=40),
    st.text(alphabet='ab\\"', min_size=1).map(lambda text: text * 700),
    st.sampled_from(["data:image/png;base64,", "iVBORw0KGgo", "/9j/", "data:image/png;base64,iVBORw0KGgo="]),
    long_base64,
    long_base64.map(lambda text: f"![picture](data:image/png;base64,{text})"),
    st.builds("data:{},{}".format, st.sampled_from(["application/pdf;base64", "text/plain"]), long_base64),
)
pictures = st.builds(
    lambda head, number: head + text_of(PICTURES[number]), st.sampled_from(HEADS), st.sampled_from(range(len(PICTURES)))
)
strings = st.one_of(texts, pictures)
documents = st.recursive(
    st.one_of(strings, st.integers(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def encodings(draw: st.DrawFn, document: Any, compact: bool = False) -> bytes:
    """JSON as one writer or another would write it."""
    indent = None if compact else draw(st.sampled_from([None, 2]))
    encoded = json.dumps(document, ensure_ascii=draw(st.booleans()), indent=indent)
    if draw(st.booleans()):
        encoded = encoded.replace("/", "\\/")
    if draw(st.booleans()):
        encoded = encoded.replace("+", draw(st.sampled_from(["\\u002B", "\\u002b"])))
    return encoded.encode()


@st.composite
def chunkings(draw: st.DrawFn, data: bytes) -> list[bytes]:
    interesting = [match.start() + 1 for match in re.finditer(rb'["\\]', data)] or [0]
    cuts = draw(st.lists(st.one_of(st.integers(0, len(data)), st.sampled_from(interesting)), max_size=25))
    return list(cut(data, cuts))


@thorough
@given(document=documents, data=st.data())
async def test_any_document_comes_back_whole_however_it_is_cut(
    store: AssetStore, document: Any, data: st.DataObject
) -> None:
    chunks = data.draw(chunkings(data.draw(encodings(document))))
    kept, found = await scanned(store, chunks)
    assert await restored(store, json.loads(kept), found) == document


@thorough
@given(events=st.lists(documents, max_size=5), data=st.data())
async def test_any_stream_comes_back_whole_however_it_is_cut_and_drained(
    store: AssetStore, events: list[Any], data: st.DataObject
) -> None:
    lines = [b"data: " + data.draw(encodings(event, compact=True)) + b"\n\n" for event in events]
    scanner = PictureScanner(store)
    drained, found = b"", {}
    for chunk in data.draw(chunkings(b": hello\n\n" + b"".join(lines) + b"data: [DONE]\n\n")):
        scanner.feed(chunk)
        if data.draw(st.booleans()):
            text, new = await scanner.drain()
            assert text == b"" or text.endswith(b"\n")
            assert split(text, new) is not None  # every placeholder's picture came with it
            drained, found = drained + text, found | new
    text, new = await scanner.finish()
    blocks = (drained + text).split(b"\n\n")
    assert (blocks[0], blocks[-2:]) == (b": hello", [b"data: [DONE]", b""])
    documents = [json.loads(block.removeprefix(b"data: ")) for block in blocks[1:-2]]
    assert [await restored(store, value, found | new) for value in documents] == events


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("head", HEADS)
async def test_a_long_picture_becomes_a_placeholder_and_its_head_stays(
    store: AssetStore, picture: bytes, head: str
) -> None:
    body = json.dumps({"image": head + text_of(picture), "n": 1}).encode()
    kept, found = await scanned(store, [body])
    (digest,) = found
    assert json.loads(kept) == {"image": head + placeholder(digest), "n": 1}
    assert found[digest].bytes == len(picture)
    assert await store.load(digest) == picture


@pytest.mark.parametrize("escape", [r"\/", r"\u002b", r"\u002B", r"\u002f", r"\u002F", r"\u003d", r"\u003D"])
async def test_escaped_characters_of_the_alphabet_are_read(store: AssetStore, escape: str) -> None:
    picture = png(2000)
    body = json.dumps(text_of(picture)).replace(json.loads(f'"{escape}"'), escape).encode()
    assert escape.encode() in body
    kept, found = await scanned(store, [body[at : at + 1] for at in range(len(body))])
    assert await restored(store, json.loads(kept), found) == text_of(picture)


@pytest.mark.parametrize("gap", [*range(1020, 1030), *range(1275, 1285), 5000])
async def test_a_picture_is_found_after_any_gap(store: AssetStore, gap: int) -> None:
    for filler in (b'{"a":' + b" " * gap, b'["' + b"a b " * (gap // 4) + b"a" * (gap % 4) + b'",'):
        _, found = await scanned(store, [filler + b'"' + text_of(png(800)).encode() + b'"'])
        assert len(found) == 1


async def test_every_cut_in_two_gives_the_same(store: AssetStore) -> None:
    body = (
        rb'{"a\"":"\\","b":"data:image\/png;base64,' + text_of(png(800)).replace("/", "\\/").encode() + rb'","c\\":""}'
    )
    whole = await scanned(store, [body])
    assert len(whole[1]) == 1
    for at in range(len(body)):
        assert await scanned(store, [body[:at], body[at:]]) == whole


async def test_single_bytes_give_the_same(store: AssetStore) -> None:
    body = json.dumps(["x" * 3000, text_of(png(900)), {"k": 'a"b'}, text_of(png(901))]).encode()
    assert await scanned(store, [body[at : at + 1] for at in range(len(body))]) == await scanned(store, [body])


@pytest.mark.parametrize(
    "value",
    [
        text_of(png(760)),
        "data:audio/wav;base64," + text_of(b"RIFF\0\0\0\0WAVE" + bytes(3000)),
        "data:application/pdf;base64," + text_of(b"%PDF-1.7" + bytes(3000)),
        "data:image/svg+xml;base64," + text_of(b"<svg>" + bytes(3000)),
        "data:image/avif;base64," + text_of(b"\0\0\0\x1cftypavif" + bytes(3000)),
        text_of(bytes(8192)),
        "A" * 5000,
        "=" * 5000,
        "A" + "=" * 5000,
        f"data:image/png;name={'a' * 300};base64,{text_of(png(3000))}",
        "data:image/png," + "A" * 5000,
        " " + text_of(png(3000)),
        text_of(png(3000))[:500] + " " + text_of(png(3000))[500:],
        "https://example.com/" + "a/" * 1000,
        "\\" * 5000,
        '"' + text_of(png(3000)),
        json.dumps({"image": text_of(png(3000))}),
    ],
    ids=lambda value: value[:24],
)
async def test_other_strings_stay_text(store: AssetStore, value: str) -> None:
    body = json.dumps({"content": value}).encode()
    assert await scanned(store, cut(body, [100, 1000, 1001])) == (body, {})


async def test_the_same_picture_twice_is_two_placeholders_and_one_file(store: AssetStore) -> None:
    kept, found = await scanned(store, [json.dumps([text_of(png(3000))] * 2).encode()])
    (digest,) = found
    assert json.loads(kept) == [placeholder(digest)] * 2


async def test_each_drain_brings_the_pictures_of_its_own_lines(store: AssetStore) -> None:
    line = b'data: {"b64_json":"' + text_of(png(3000)).encode() + b'"}\n\n'
    scanner = PictureScanner(store)
    scanner.feed(line + line[:-2])
    first, found = await scanner.drain()
    scanner.feed(line[-2:])
    second, again = await scanner.drain()
    assert first == second
    assert list(found) == list(again) == [digest_in(json.loads(first[6:])["b64_json"])]


async def test_a_complete_line_is_drained_at_once(store: AssetStore) -> None:
    scanner = PictureScanner(store)
    for line in (b'data: {"delta":"a"}\n\n', b"data: [DONE]\n\n", b'data: "' + b"A" * 1200 + b'"\n\n', b'data: "A\n'):
        scanner.feed(line)
        assert await scanner.drain() == (line, {})


@pytest.mark.parametrize(
    ("bad", "code", "words"),
    [
        ("data:image/png;base64," + "A" * 3000, "invalid_image", "known format"),
        ("data:image/jpeg;base64," + text_of(b"\0\0\0\x1cftypheic" + bytes(3000)), "invalid_image", "HEIC"),
        (text_of(png(3000)[:-20]), "image_truncated", "cut off"),
        (text_of(png(3000)) + "-_", "invalid_image", "base64"),
        (text_of(png(3000)) + "\n", "invalid_image", "base64"),
        (text_of(png(3000)) + '"', "invalid_image", "base64"),
        (text_of(png(3000)) + "\\", "invalid_image", "base64"),
        (text_of(png(3001)) + "AAAA", "invalid_image", "base64"),
        (text_of(png(3000, width=50_000, height=50_000)), "image_too_large", "megapixels"),
    ],
    ids=["no picture", "HEIC", "cut", "url-safe", "line break", "quote", "backslash", "padding", "huge"],
)
@pytest.mark.parametrize("size", [1, 700, 100_000])
async def test_a_bad_picture_is_refused_with_its_number(
    store: AssetStore, tmp_path: Path, bad: str, code: str, words: str, size: int
) -> None:
    body = json.dumps([text_of(png(2000)), bad, text_of(png(2001)), "text"]).encode()
    with pytest.raises(NotAPicture, match=f"The 2nd picture: .*{words}") as caught:
        await scanned(store, [body[at : at + size] for at in range(0, len(body), size)])
    assert caught.value.code == code
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_declared_picture_is_known_behind_escapes(store: AssetStore) -> None:
    with pytest.raises(NotAPicture, match="1st picture"):
        await scanned(store, [rb'["data:image\/png;base64,' + b"A" * 3000 + b'"]'])


async def test_a_body_that_ends_inside_a_picture_is_refused(store: AssetStore, tmp_path: Path) -> None:
    with pytest.raises(NotAPicture, match="1st picture") as caught:
        await scanned(store, [b'{"image":"' + text_of(png(3000)).encode()])
    assert caught.value.code == "image_truncated"
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize(
    "body", [b"", b'"', b'{"a', b'{"a\\', b'"A', b'"' + b"A" * 1100, b"\\" * 3000, b"not JSON at all"]
)
async def test_text_that_is_no_json_comes_out_as_it_went_in(store: AssetStore, body: bytes) -> None:
    assert await scanned(store, cut(body, [1, 2])) == (body, {})


@thorough
@given(
    body=st.lists(
        st.sampled_from([b'"', b"\\", b"\n", b"A" * 1100, text_of(png(900)).encode(), b"data:;base64,", b"{,:"])
    )
)
async def test_hostile_text_is_refused_or_kept_and_leaves_no_file(
    store: AssetStore, tmp_path: Path, body: list[bytes]
) -> None:
    try:
        kept, found = await scanned(store, body)
        for digest in found:
            kept = kept.replace(placeholder(digest).encode(), text_of(await store.load(digest)).encode())
        assert kept == b"".join(body)
    except NotAPicture:
        pass
    assert list(tmp_path.rglob("*.part")) == []


async def test_text_beyond_its_limit_is_too_large(store: AssetStore, tmp_path: Path) -> None:
    body = json.dumps([text_of(png(3000)), "text " * 300]).encode()
    await scanned(store, [body], keep_limit=2000)
    with pytest.raises(TooLarge, match="besides its pictures"):
        await scanned(store, [body], keep_limit=1000)
    assert list(tmp_path.rglob("*.part")) == []


async def test_a_stream_may_be_longer_than_the_limit_where_it_is_drained(store: AssetStore) -> None:
    scanner = PictureScanner(store, keep_limit=100)
    for _ in range(20):
        scanner.feed(b'data: {"delta":"hello"}\n\n')
        assert (await scanner.drain())[0]


async def test_a_picture_beyond_its_limit_is_too_large(store: AssetStore, tmp_path: Path) -> None:
    body = json.dumps(text_of(png(3000))).encode()
    await scanned(store, [body], picture_limit=3000)
    with pytest.raises(TooLarge) as caught:
        await scanned(store, [body], picture_limit=2999)
    assert caught.value.code == "image_too_large"
    assert list(tmp_path.rglob("*.part")) == []


async def test_too_many_pictures_are_refused(store: AssetStore, tmp_path: Path) -> None:
    body = json.dumps([text_of(png(800))] * (MOST_PICTURES + 1)).encode()
    with pytest.raises(TooLarge, match="more than 1000 pictures"):
        await scanned(store, [body])
    assert list(tmp_path.rglob("*.part")) == []


async def test_an_abandoned_body_leaves_no_file(store: AssetStore, tmp_path: Path) -> None:
    scanner = PictureScanner(store)
    scanner.feed(json.dumps([text_of(png(3000)), text_of(png(4000))]).encode()[:-1000])
    assert len(list(tmp_path.rglob("*.part"))) == 2
    scanner.abandon()
    scanner.abandon()
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize(
    "body",
    [
        b'"' * 2_000_000,
        b'"\\' * 1_000_000,
        b"\\" * 2_000_000,
        (b'"' + b"A" * 1100) * 1800,
        (b'"' + b"\\" * 1100) * 1800,
        (b'\\"' + b"A" * 1023) * 1900,
        (b'"data:' + b";" * 1100) * 1800,
    ],
    ids=["quotes", "escaped quotes", "backslashes", "strings", "escapes", "near misses", "heads"],
)
async def test_megabytes_of_near_misses_come_out_as_they_went_in(store: AssetStore, body: bytes) -> None:
    assert await scanned(store, cut(body, range(65_536, len(body), 65_536))) == (body, {})
