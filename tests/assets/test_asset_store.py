"""The asset store: a folder and an object store keep the same promises."""

import errno
import gc
import hashlib
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import obstore
import pybase64
import pytest
from asset_pictures import FORMATS, jpeg_with_metadata, png, real
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.assets.measure import NotAPicture
from penstock.assets.store import AssetStore
from penstock.core.errors import NotFound, TooLarge, Unavailable
from penstock.core.picture import Picture

NOWHERE = "0" * 64


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def spooled(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(params=["folder", "file address", "object store"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AssetStore:
    address = {
        "folder": str(tmp_path / "assets"),
        "file address": (tmp_path / "as%sets").as_uri(),
        "object store": "memory:///",
    }
    return AssetStore.open(address[request.param], tmp_path / "spool")


@pytest.fixture
def local(tmp_path: Path) -> AssetStore:
    return AssetStore.open(str(tmp_path), tmp_path / "unused")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        yield


@pytest.mark.parametrize("data", [*(real(kind) for kind in FORMATS), png(9_000_000), jpeg_with_metadata(300_000)])
async def test_what_is_stored_is_read_back(store: AssetStore, data: bytes, tmp_path: Path) -> None:
    picture = await store.store(data)
    assert picture.digest == digest_of(data)
    assert picture.bytes == len(data)
    assert await store.exists(picture.digest)
    assert await store.load(picture.digest) == data
    assert b"".join([part async for part in store.read(picture.digest)]) == data
    assert b"".join([part async for part in store.base64(picture.digest)]) == pybase64.b64encode(data)
    assert spooled(tmp_path) == []


async def test_facts_come_from_the_bytes(local: AssetStore) -> None:
    data = real("WEBP", 64, 48)
    assert await local.store(data) == Picture(digest_of(data), "image/webp", 64, 48, len(data))


async def test_the_file_lies_under_its_digest(local: AssetStore, tmp_path: Path) -> None:
    digest = (await local.store(real("PNG"))).digest
    assert (tmp_path / "sha256" / digest[:2] / digest[2:]).read_bytes() == real("PNG")


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (0, 1), (1000, 3000), (4999, 5000), (10, 10), (20, 10), (4000, 99_999)]
)
async def test_a_range_is_read(store: AssetStore, start: int, end: int | None) -> None:
    data = png(5000)
    digest = (await store.store(data)).digest
    assert b"".join([part async for part in store.read(digest, start, end, chunk=700)]) == data[start:end]


async def test_pieces_of_base64_are_as_long_as_asked_for(local: AssetStore) -> None:
    digest = (await local.store(png(1_000_000))).digest
    assert [len(part) async for part in local.base64(digest)][:5] == [256 * 1024] * 5
    assert max([len(part) async for part in local.base64(digest, chunk=1000)]) == 1000


async def test_the_same_picture_is_kept_once(store: AssetStore, tmp_path: Path) -> None:
    first = await store.store(real("PNG"))
    assert await store.store(real("PNG")) == first
    assert spooled(tmp_path) == []


async def test_a_picture_in_the_object_store_is_not_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = AssetStore.open("memory:///", tmp_path)
    await store.store(real("PNG"))
    monkeypatch.delattr(obstore, "put_async")
    await store.store(real("PNG"))
    with pytest.raises(AttributeError):
        await store.store(real("GIF"))
    assert spooled(tmp_path) == []


async def test_a_file_cut_short_by_a_crash_is_replaced_by_the_next_picture(local: AssetStore, tmp_path: Path) -> None:
    digest = (await local.store(real("PNG"))).digest
    (tmp_path / "sha256" / digest[:2] / digest[2:]).write_bytes(b"")
    await local.store(real("PNG"))
    assert await local.load(digest) == real("PNG")


async def test_a_deleted_picture_is_gone_and_may_be_deleted_again(store: AssetStore) -> None:
    digest = (await store.store(real("GIF"))).digest
    await store.delete(digest)
    await store.delete(digest)
    assert not await store.exists(digest)


async def test_a_missing_picture_is_not_found(store: AssetStore) -> None:
    with pytest.raises(NotFound):
        await store.load(NOWHERE)
    with pytest.raises(NotFound):
        [part async for part in store.read(NOWHERE)]
    with pytest.raises(NotFound):
        [part async for part in store.base64(NOWHERE)]


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "0" * 63, "A" * 64, "0" * 64 + "\n", "../" + "0" * 61])
async def test_what_is_no_digest_reaches_no_path(local: AssetStore, digest: str) -> None:
    with pytest.raises(NotFound):
        local.read(digest)
    for ask in (local.load, local.exists, local.delete):
        with pytest.raises(NotFound):
            await ask(digest)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(length=st.integers(45, 3000), cuts=st.lists(st.integers(0, 4000), max_size=12), padded=st.booleans())
async def test_base64_cut_anywhere_gives_the_same_bytes(
    local: AssetStore, length: int, cuts: list[int], padded: bool
) -> None:
    data = png(length)
    text = pybase64.b64encode(data) if padded else pybase64.b64encode(data).rstrip(b"=")
    edges = [0, *sorted(cuts), len(text)]
    incoming = local.receive()
    for start, end in pairwise(edges):
        incoming.write_base64(memoryview(text)[start:end])
    assert (await incoming.finish()).digest == digest_of(data)
    assert await local.load(digest_of(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        b"ab-_",
        b"ab\ncd",
        b"ab c",
        b"abc\\",
        b"a===",
        b"=abc",
        b"YQ==YQ==",
        b"abcd" * 20 + b"\xff\xff\xff\xff",
        b"abcde",
    ],
)
@pytest.mark.parametrize("step", [1, 3, 100])
async def test_what_is_no_base64_is_refused(local: AssetStore, tmp_path: Path, text: bytes, step: int) -> None:
    incoming = local.receive()
    with pytest.raises(NotAPicture):
        for start in range(0, len(text), step):
            incoming.write_base64(text[start : start + step])
        await incoming.finish()
    incoming.abandon()
    assert spooled(tmp_path) == []


@pytest.mark.parametrize("data", [b"", b"text", png(200_000)[:-5], jpeg_with_metadata(300_000)[:-5]])
async def test_a_refused_picture_leaves_nothing(store: AssetStore, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotAPicture):
        await store.store(data)
    assert spooled(tmp_path) == []
    assert not await store.exists(digest_of(data))


async def test_a_picture_beyond_the_limit_is_too_large(local: AssetStore, tmp_path: Path) -> None:
    await local.store(png(1000), limit=1000)
    incoming = local.receive(limit=1000)
    incoming.write(png(1001)[:1000])
    with pytest.raises(TooLarge) as caught:
        incoming.write(b"x")
    assert caught.value.code == "image_too_large"
    assert spooled(tmp_path) == []


async def test_finishing_and_abandoning_twice_is_the_same_as_once(local: AssetStore) -> None:
    incoming = local.receive()
    incoming.write(real("PNG"))
    picture = await incoming.finish()
    assert await incoming.finish() == picture
    incoming.abandon()
    incoming.abandon()
    assert await local.load(picture.digest) == real("PNG")


async def test_an_abandoned_picture_leaves_no_file(local: AssetStore, tmp_path: Path) -> None:
    incoming = local.receive()
    incoming.write(b"beginning")
    assert len(spooled(tmp_path)) == 1
    incoming.abandon()
    incoming.abandon()
    assert spooled(tmp_path) == []


async def test_no_descriptor_outlives_its_holder(local: AssetStore, tmp_path: Path) -> None:
    digest = (await local.store(png(5000))).digest
    before = descriptors()
    forgotten = local.receive()
    forgotten.write(b"beginning")
    half_read = local.read(digest, chunk=100)
    await anext(half_read)
    half_encoded = local.base64(digest, chunk=100)
    await anext(half_encoded)
    assert descriptors() == before + 3
    await half_encoded.aclose()
    del forgotten, half_read, half_encoded
    assert descriptors() == before
    assert spooled(tmp_path) == []


async def test_a_full_disk_is_said_and_leaves_no_file(local: AssetStore, tmp_path: Path, full_disk: None) -> None:
    with pytest.raises(Unavailable) as caught:
        await local.store(real("PNG"))
    assert caught.value.code == "storage_full"
    assert spooled(tmp_path) == []


async def test_a_write_that_took_less_is_continued(local: AssetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:1000]))
    data = png(70_001)
    assert await local.load((await local.store(data)).digest) == data


async def test_a_folder_that_went_away_is_unavailable(tmp_path: Path) -> None:
    store = AssetStore.open(str(tmp_path / "assets"), tmp_path)
    (tmp_path / "assets" / ".incoming").rmdir()
    with pytest.raises(Unavailable) as caught:
        store.receive()
    assert caught.value.code == "storage_failed"


async def test_a_picture_that_cannot_be_moved_in_leaves_no_file(local: AssetStore, tmp_path: Path) -> None:
    (tmp_path / "sha256").write_bytes(b"not a folder")
    with pytest.raises(Unavailable):
        await local.store(real("PNG"))
    assert spooled(tmp_path) == []


@pytest.mark.parametrize("address", ["ftp://host/folder", "nonsense://", "/proc/penstock"])
def test_an_address_that_cannot_be_used_is_refused_at_once(address: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        AssetStore.open(address, tmp_path)


def test_sweeping_removes_old_leftovers_only(local: AssetStore, tmp_path: Path) -> None:
    for name, modified in (("old.part", 1000), ("new.part", 5000), ("other", 1000)):
        (tmp_path / ".incoming" / name).touch()
        os.utime(tmp_path / ".incoming" / name, (modified, modified))
    assert local.sweep(now=5000) == 1
    assert sorted(path.name for path in (tmp_path / ".incoming").iterdir()) == ["new.part", "other"]
