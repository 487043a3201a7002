"""Small versions of pictures: what they look like, that they are made once, and what happens where they cannot be."""

import asyncio
import errno
import io
from collections.abc import AsyncIterator
from pathlib import Path
from struct import pack
from zlib import crc32

import pytest
from asset_pictures import png, real
from PIL import Image, ImageCms

from penstock.assets.measure import NotAPicture
from penstock.assets.shrink import ASK, TELL, serve, shrink
from penstock.assets.store import AssetStore
from penstock.assets.thumbnails import NoThumbnail, Thumbnails
from penstock.core.errors import NotFound
from penstock.core.picture import Picture

ORIENTATION = 0x0112
RED, BLUE = (220, 30, 30), (30, 30, 220)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    assert image.format == "WEBP"
    image.load()
    return image


def near(one: object, other: tuple[int, ...]) -> bool:
    assert isinstance(one, tuple)
    return len(one) == len(other) and all(abs(a - b) < 25 for a, b in zip(one, other, strict=True))


def turned(orientation: int) -> bytes:
    """A JPEG that looks like `halves(1200, 600)` once it is turned as EXIF says."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010E] = "a secret description"
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    image = halves(1200, 600)
    return encoded(image.transpose(back[orientation]) if orientation in back else image, "JPEG", exif=exif)


LOOKS_LIKE_HALVES = {
    "png": encoded(halves(1200, 600), "PNG"),
    "webp": encoded(halves(1200, 600), "WEBP"),
    "lossless webp": encoded(halves(1200, 600), "WEBP", lossless=True),
    "gif": encoded(halves(1200, 600), "GIF"),
    "png with a palette": encoded(halves(1200, 600).convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
    "jpeg for printers": encoded(halves(1200, 600).convert("CMYK"), "JPEG"),
    **{f"jpeg turned {way}": turned(way) for way in (1, 3, 6, 8)},
}


@pytest.mark.parametrize("side", [320, 960])
@pytest.mark.parametrize("data", LOOKS_LIKE_HALVES.values(), ids=LOOKS_LIKE_HALVES)
def test_a_small_version_looks_like_its_picture(data: bytes, side: int) -> None:
    small = shrink(data, side)
    image = opened(small)
    assert (image.size, image.mode) == ((side, side // 2), "RGB")
    assert near(image.getpixel((side // 4, side // 4)), RED)
    assert near(image.getpixel((3 * side // 4, side // 4)), BLUE)
    assert b"secret" not in small
    assert not image.getexif()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_what_is_transparent_stays_so(kind: str) -> None:
    image = Image.new("RGBA", (800, 400), (*RED, 255))
    image.paste((0, 0, 0, 0), (0, 0, 400, 400))
    small = opened(shrink(encoded(image, kind), 320))
    assert (small.size, small.mode) == ((320, 160), "RGBA")
    clear, opaque = small.getpixel((80, 80)), small.getpixel((240, 80))
    assert isinstance(clear, tuple) and clear[3] == 0
    assert near(opaque, (*RED, 255))


def test_of_an_animation_there_is_the_first_picture() -> None:
    frames = [Image.new("RGB", (500, 500), colour) for colour in (RED, BLUE)]
    for kind in ("GIF", "WEBP"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        assert near(opened(shrink(data, 320)).getpixel((160, 160)), RED)


def test_a_grey_picture_of_sixteen_bits_is_neither_black_nor_white() -> None:
    data = encoded(Image.new("I;16", (700, 700), 0x8000), "PNG")
    assert near(opened(shrink(data, 320)).convert("RGB").getpixel((9, 9)), (128, 128, 128))


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (320, 5)])
def test_a_small_picture_is_not_made_larger(size: tuple[int, int]) -> None:
    assert opened(shrink(real("PNG", *size), 320)).size == size


def test_a_very_long_picture_keeps_a_pixel_of_width() -> None:
    assert opened(shrink(real("PNG", 5000, 1), 320)).size == (320, 1)


def test_the_colours_of_a_screen_are_kept_as_they_are_meant() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(halves(400, 400), "JPEG", icc_profile=profile)
    assert opened(shrink(data, 320)).info["icc_profile"] == profile


def chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", crc32(kind + data))


BOMB = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", b"\x78\x9c\x63\x00")
    + chunk(b"IEND", b"")
)
GIF = encoded(halves(10, 10), "GIF")
AT = GIF.index(b",", 13)
BROKEN = {
    "noise in a PNG": png(5000),
    "noise": bytes(range(256)) * 10,
    "nothing": b"",
    "a JPEG cut off": turned(1)[:3000],
    "a WebP cut off": real("WEBP", 300, 300)[:2000],
    "a bomb": BOMB,
    "a frame larger than its GIF": GIF[: AT + 5] + b"\xff\xff\xff\xff" + GIF[AT + 9 :],
    "a TIFF": encoded(halves(10, 10), "TIFF"),
}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_decoded_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        shrink(data, 320)


def test_a_process_goes_on_after_a_picture_that_is_none() -> None:
    pictures = [b"nothing", LOOKS_LIKE_HALVES["png"]]
    told = io.BytesIO()
    serve(io.BytesIO(b"".join(ASK.pack(320, len(data)) + data for data in pictures)), told)
    told.seek(0)
    well, length = TELL.unpack(told.read(TELL.size))
    assert (well, told.read(length).decode()[:34]) == (False, "The picture cannot be decoded: can")
    well, length = TELL.unpack(told.read(TELL.size))
    assert (well, opened(told.read(length)).size) == (True, (320, 160))
    assert told.read() == b""


# Kept, and made in processes.


@pytest.fixture(params=["folder", "object store"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AssetStore:
    address = str(tmp_path / "assets") if request.param == "folder" else "memory:///"
    return AssetStore.open(address, tmp_path / "spool")


@pytest.fixture
def local(tmp_path: Path) -> AssetStore:
    return AssetStore.open(str(tmp_path / "assets"), tmp_path / "spool")


@pytest.fixture
async def thumbnails(store: AssetStore) -> AsyncIterator[Thumbnails]:
    made = Thumbnails(store)
    yield made
    await made.close()


async def test_a_small_version_is_made_once_and_goes_with_its_picture(
    store: AssetStore, thumbnails: Thumbnails
) -> None:
    picture = await store.store(LOOKS_LIKE_HALVES["png"])
    assert await store.load_thumbnail(picture.digest, 320) is None
    small = await thumbnails.load(picture, 320)
    assert opened(small).size == (320, 160)
    assert await store.load_thumbnail(picture.digest, 320) == small
    await store.keep_thumbnail(picture.digest, 960, b"kept", "image/webp")
    assert await thumbnails.load(picture, 960) == b"kept", "what is there is not made again"
    await store.delete(picture.digest)
    assert [await store.load_thumbnail(picture.digest, side) for side in (320, 960)] == [None, None]
    with pytest.raises(NotFound):
        await thumbnails.load(picture, 320)
    assert await store.load_thumbnail(picture.digest, 320) is None


async def test_its_file_lies_beside_the_pictures(local: AssetStore, tmp_path: Path) -> None:
    digest = (await local.store(real("PNG"))).digest
    await local.keep_thumbnail(digest, 320, b"small", "image/webp")
    path = tmp_path / "assets" / "thumbnails" / digest[:2] / f"{digest[2:]}-320.webp"
    assert path.read_bytes() == b"small"
    assert list(tmp_path.rglob("*.part")) == []
    with pytest.raises(ValueError, match="321"):
        await local.keep_thumbnail(digest, 321, b"small", "image/webp")


class Counting(AssetStore):
    """Counts how often a picture is read, and holds that up until it may go on."""

    def __init__(self, inner: AssetStore) -> None:
        super().__init__(inner._files, inner._spool)
        self.reads = 0
        self.at_once = 0
        self.most_at_once = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def read(self, digest: str, *args: int) -> AsyncIterator[bytes]:  # type: ignore[override]
        self.reads += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.go_on.wait()
        async for data in super().read(digest, *args):
            yield data
        self.at_once -= 1


async def test_those_who_ask_at_once_share_one_making_and_two_are_made_at_once(local: AssetStore) -> None:
    store = Counting(local)
    thumbnails = Thumbnails(store)
    pictures = [await store.store(real("PNG", 400 + n, 300)) for n in range(4)]
    asked = [thumbnails.load(picture, 320) for picture in pictures for _ in range(5)]
    results = await asyncio.gather(*asked)
    assert store.reads == 4
    assert store.most_at_once == 2
    assert [len(set(results[5 * n : 5 * n + 5])) for n in range(4)] == [1] * 4
    await thumbnails.close()


async def test_a_caller_who_hangs_up_takes_it_from_nobody(local: AssetStore) -> None:
    store = Counting(local)
    thumbnails = Thumbnails(store)
    picture = await store.store(LOOKS_LIKE_HALVES["png"])
    store.go_on.clear()
    leaves, stays = (asyncio.create_task(thumbnails.load(picture, 320)) for _ in range(2))
    while not store.reads:
        await asyncio.sleep(0)
    leaves.cancel()
    store.go_on.set()
    assert opened(await stays).size == (320, 160)
    await thumbnails.close()


async def test_closing_ends_what_is_being_made(local: AssetStore) -> None:
    store = Counting(local)
    thumbnails = Thumbnails(store)
    picture = await store.store(LOOKS_LIKE_HALVES["png"])
    store.go_on.clear()
    waiting = asyncio.create_task(thumbnails.load(picture, 320))
    while not store.reads:
        await asyncio.sleep(0)
    await thumbnails.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_picture_that_cannot_be_decoded_has_none_and_the_next_one_has(
    store: AssetStore, thumbnails: Thumbnails
) -> None:
    broken, sound = await store.store(png(5000)), await store.store(LOOKS_LIKE_HALVES["gif"])
    with pytest.raises(NoThumbnail, match="cannot be decoded") as caught:
        await thumbnails.load(broken, 320)
    assert (caught.value.status, caught.value.code) == (422, "thumbnail_unavailable")
    assert opened(await thumbnails.load(sound, 320)).size == (320, 160)


async def test_a_picture_of_too_many_pixels_is_not_even_read(local: AssetStore) -> None:
    store = Counting(local)
    with pytest.raises(NoThumbnail, match="pixels"):
        await Thumbnails(store).load(Picture("0" * 64, "image/png", 20_000, 20_000, 99), 320)
    assert store.reads == 0


async def test_a_large_picture_has_one(store: AssetStore, thumbnails: Thumbnails) -> None:
    picture = await store.store(encoded(Image.new("L", (9_700, 9_700), 90), "PNG"))
    assert picture.pixels > 89_478_485, "above what Pillow warns of"
    assert opened(await thumbnails.load(picture, 320)).size == (320, 320)


async def test_a_file_that_is_not_as_long_as_it_should_be_has_none(local: AssetStore, tmp_path: Path) -> None:
    thumbnails = Thumbnails(local)
    picture = await local.store(LOOKS_LIKE_HALVES["png"])
    next((tmp_path / "assets" / "sha256").glob("*/*")).write_bytes(b"cut")
    with pytest.raises(NoThumbnail, match="3 bytes"):
        await thumbnails.load(picture, 320)
    await thumbnails.close()


async def test_a_process_that_was_killed_is_replaced(local: AssetStore) -> None:
    thumbnails = Thumbnails(local)
    first, second = [await local.store(real("PNG", 400, 300 + n)) for n in range(2)]
    await thumbnails.load(first, 320)
    (process,) = thumbnails._workers._idle
    process.kill()
    await process.wait()
    assert opened(await thumbnails.load(second, 320)).width == 320
    await thumbnails.close()


async def test_on_a_full_disk_it_is_served_and_not_kept(local: AssetStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    thumbnails = Thumbnails(local)
    picture = await local.store(LOOKS_LIKE_HALVES["png"])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert opened(await thumbnails.load(picture, 320)).size == (320, 160)
    assert await local.load_thumbnail(picture.digest, 320) is None
    await thumbnails.close()


async def test_a_picture_deleted_while_it_is_made_smaller_leaves_nothing(local: AssetStore, tmp_path: Path) -> None:
    class DeletedMeanwhile(AssetStore):
        async def keep_thumbnail(self, digest: str, side: int, data: bytes, media_type: str) -> None:
            await self.delete(digest)
            await super().keep_thumbnail(digest, side, data, media_type)

    store = DeletedMeanwhile(local._files, local._spool)
    thumbnails = Thumbnails(store)
    picture = await store.store(LOOKS_LIKE_HALVES["png"])
    with pytest.raises(NotFound):
        await thumbnails.load(picture, 320)
    assert [path for path in (tmp_path / "assets").rglob("*") if path.is_file()] == []
    await thumbnails.close()
