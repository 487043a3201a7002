"""Measuring pictures from their headers."""

import pytest
from asset_pictures import FORMATS, jpeg_with_metadata, png, real
from hypothesis import given
from hypothesis import strategies as st

from penstock.assets.measure import HEAD_BYTES, Facts, NotAPicture, measure


def facts(data: bytes, **options: int) -> Facts:
    return measure(data[:HEAD_BYTES], data[-16:], len(data), **options)


def code(data: bytes, whole: bool = True, **options: int) -> str:
    with pytest.raises(NotAPicture) as caught:
        measure(data if whole else data[:HEAD_BYTES], data[-16:], len(data), **options)
    assert caught.value.status == 400
    return caught.value.code


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (real("PNG", 300, 200), "image/png"),
        (real("PNG", 300, 200, "P"), "image/png"),
        (real("JPEG", 300, 200), "image/jpeg"),
        (real("JPEG", 300, 200, progressive=True), "image/jpeg"),
        (real("JPEG", 300, 200, mode="CMYK"), "image/jpeg"),
        (real("JPEG", 300, 200, exif=b"Exif\0\0" + bytes(30_000)), "image/jpeg"),
        (real("JPEG", 300, 200).replace(b"\xff\xdb", b"\xff\xc4\0\4ab\xff\xdb", 1), "image/jpeg"),
        (real("JPEG", 300, 200).replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1), "image/jpeg"),
        (real("WEBP", 300, 200), "image/webp"),
        (real("WEBP", 300, 200, lossless=True), "image/webp"),
        (real("WEBP", 300, 200, mode="RGBA", exif=b"Exif\0\0MM"), "image/webp"),
        (real("GIF", 300, 200), "image/gif"),
    ],
    ids=[
        "png",
        "palette",
        "jpeg",
        "progressive",
        "cmyk",
        "exif",
        "tables first",
        "fill bytes",
        "vp8",
        "vp8l",
        "vp8x",
        "gif",
    ],
)
def test_format_and_size_are_read_from_the_header(data: bytes, media_type: str) -> None:
    assert facts(data) == Facts(media_type, 300, 200)


def test_a_jpeg_whose_size_comes_after_long_metadata_is_measured_from_the_whole_file() -> None:
    data = jpeg_with_metadata(200_000)
    assert code(data, whole=False) == "invalid_image"
    assert measure(data, data[-16:], len(data)) == Facts("image/jpeg", 7, 5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_something_after_the_end_is_taken_where_the_whole_file_can_be_seen(kind: str) -> None:
    data = real(kind) + b"motion photo" * 20
    assert facts(data) == Facts(f"image/{kind.lower()}", 7, 5)
    with pytest.raises(NotAPicture) as caught:
        measure(data[:-1], data[-16:], len(data))
    assert caught.value.code == "image_truncated"


@pytest.mark.parametrize("kind", ["JPEG", "GIF"])
def test_zeros_after_the_end_are_taken(kind: str) -> None:
    data = real(kind)
    assert measure(data, (data + bytes(8))[-16:], len(data) + 8).width == 7


@pytest.mark.parametrize("kind", FORMATS)
@given(data=st.data())
def test_a_picture_cut_anywhere_is_refused(kind: str, data: st.DataObject) -> None:
    whole = real(kind, 40, 30)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    if kind == "GIF" and cut.rstrip(b"\0").endswith(b";"):
        return  # A GIF's end is one byte, which can also stand in its data.
    assert code(cut) in ("image_truncated", "invalid_image")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_missing_end_has_a_code_of_its_own(kind: str) -> None:
    assert code(real(kind, 40, 30)[:-3]) == "image_truncated"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "known format"),
        (b"\0\0\0\x1cftypavif" + bytes(20), "AVIF"),
        (b"\0\0\0\x1cftypheic" + bytes(20), "HEIC"),
        (b"<svg/>", "SVG"),
        (b'{"error":1}', "JSON"),
        (b"%PDF-1.7", "PDF"),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(20), "WAVE"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rJUNK" + bytes(30), "header chunk"),
        (b"\xff\xd8\xff\xda" + bytes(30), "before its data"),
        (b"\xff\xd8\xff\xe0\0\x02junk", "damaged"),
        (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(30), "damaged"),
        (b"RIFF\x24\0\0\0WEBPVP8L" + bytes(30), "damaged"),
        (b"RIFF\x24\0\0\0WEBPJUNK" + bytes(30), "unknown chunk"),
        (b"GIF89a" + bytes(20) + b";", "0x0"),
    ],
)
def test_what_is_no_picture_is_named_in_the_refusal(data: bytes, words: str) -> None:
    with pytest.raises(NotAPicture, match=words) as caught:
        facts(data)
    assert caught.value.code == "invalid_image"


def test_absurd_dimensions_are_refused() -> None:
    assert code(png(100, width=20_000, height=20_000)) == "image_too_large"
    assert code(png(100), max_pixels=1024 * 768 - 1) == "image_too_large"
    assert facts(png(100), max_pixels=1024 * 768).width == 1024


@pytest.mark.parametrize("filler", [b"\xff" * 20_000, b"\xff\xe0\0\x02" * 5000, b"\xff\xe0\0\0" * 5000])
def test_a_hostile_jpeg_is_given_up_soon(filler: bytes) -> None:
    with pytest.raises(NotAPicture, match="first 4096"):
        facts(b"\xff\xd8" + filler)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF89a"]))
def test_nothing_but_a_refusal_comes_of_garbage(data: bytes, start: bytes) -> None:
    try:
        assert facts(start + data).width > 0
    except NotAPicture as error:
        assert error.message
