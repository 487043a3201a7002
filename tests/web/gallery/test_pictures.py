"""What pictures are called, how wide they stand in a row, and the names of their files."""

from datetime import UTC, datetime
from importlib import resources

import pytest

from penstock.web.gallery.pictures import SHAPES, file_name, name_of, shape, shape_class, versions
from tests.store.samples import asset

DAY = int(datetime(2026, 11, 27, 23, 59, tzinfo=UTC).timestamp() * 1000)


def test_a_picture_is_called_by_its_prompt_else_by_who_made_it_and_when() -> None:
    assert name_of(" a boat\n at  sea ", "FLUX.2 [pro]", DAY) == "a boat at sea"
    assert name_of(None, "FLUX.2 [pro]", DAY) == "Picture made by FLUX.2 [pro] on 27 Nov 2026"
    assert name_of("", None, DAY) == "Picture made on 27 Nov 2026"
    long = name_of("boat " * 100, None, DAY)
    assert len(long) <= 161 and long.endswith("boat…")


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        ((1024, 1024), 1.0),
        ((1344, 768), 1.8),
        ((832, 1216), 0.7),
        ((10_000, 1), 3.0),
        ((1, 10_000), 0.4),
        ((0, 0), 1.0),
    ],
)
def test_a_picture_has_the_shape_that_comes_nearest(size: tuple[int, int], nearest: float) -> None:
    assert shape(*size) == nearest


def test_every_shape_but_the_square_one_has_its_width_in_the_style() -> None:
    style = resources.files("penstock").joinpath("web", "static", "gallery.css").read_text()
    for one in SHAPES:
        rule = f".{shape_class(one)} {{ --shape: {one:g}; }}"
        assert (rule in style) is (one != 1), rule


def test_the_browser_is_told_how_wide_the_small_versions_are() -> None:
    tall = versions(asset("d" * 64, width=1000, height=2000))
    assert tall == f"/v1/assets/{'d' * 64}?width=320 160w, /v1/assets/{'d' * 64}?width=960 480w"
    assert "?width=960 64w" in versions(asset("d" * 64, width=64, height=32))


def test_a_file_is_called_by_model_day_and_digest() -> None:
    picture = asset("1a2b3c4d" + "0" * 56, media_type="image/webp")
    assert file_name(picture, "black-forest-labs/flux.2-pro", DAY) == "flux.2-pro-2026-11-27-1a2b3c4d.webp"
    assert file_name(picture, "own/<b>..\u00e4/../x y", DAY) == "x-y-2026-11-27-1a2b3c4d.webp"
    assert file_name(picture, None, DAY) == "picture-2026-11-27-1a2b3c4d.webp"
