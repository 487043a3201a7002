"""The sandbox's pictures: what was asked for comes, edits show their references, nothing is left to chance."""

import io
import time
import zlib
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat
from sandbox_bench import Workbench, account, answer, chat_call, embedding_call, encoded, events, picture_call, sandbox

from penstock.core.answer import ImageAnswer, PartialPicture
from penstock.core.call import Size
from penstock.core.errors import BadRequest
from penstock.providers.base import Adapter, InProcessAdapter
from penstock.providers.sandbox_pictures import MAX_REFERENCE_PIXELS, Task, draw

MEDIA_TYPES = {None: "image/png", "png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures, 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean) / 3


def painted(colour: tuple[int, ...], size: tuple[int, int] = (96, 64), mode: str = "RGB") -> bytes:
    """A picture with something to see: one colour and a stripe."""
    image = Image.new(mode, size, colour)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 4, size[1]), fill=tuple(255 - part for part in colour[:3]))
    return encoded(image)


def mask(size: tuple[int, int], hole: tuple[int, int, int, int]) -> bytes:
    """Opaque, with a transparent rectangle."""
    image = Image.new("RGBA", size, (0, 0, 0, 255))
    ImageDraw.Draw(image).rectangle(hole, fill=(0, 0, 0, 0))
    return encoded(image)


async def made(bench: Workbench, **fields: Any) -> Image.Image:
    return bench.image((await answer(picture_call(**fields), bench)).outputs[0].picture)


def test_the_sandbox_is_an_in_process_adapter_and_no_remote_one() -> None:
    assert isinstance(sandbox(), InProcessAdapter)
    assert not isinstance(sandbox(), Adapter)


@pytest.mark.parametrize("size", ["1x1", "7x5", "16x16", "64x64", "200x90", "90x400", "512x512", "1000x16", "1024x768"])
async def test_a_picture_has_exactly_the_size_asked_for(size: str) -> None:
    wanted = Size.parse(size)
    assert wanted
    result = await answer(picture_call(size=wanted))
    picture = result.outputs[0].picture
    assert (picture.width, picture.height) == (wanted.width, wanted.height)
    assert result.echo["size"] == size


@pytest.mark.parametrize("size", [(64, 48), (320, 200)])
@pytest.mark.parametrize("output_format", [None, "png", "jpeg", "webp"])
async def test_a_picture_has_exactly_the_format_asked_for(output_format: str | None, size: tuple[int, int]) -> None:
    result = await answer(picture_call(size=Size(*size), output_format=output_format))
    assert result.outputs[0].picture.media_type == MEDIA_TYPES[output_format]
    assert result.echo["output_format"] == (output_format or "png")


async def test_a_picture_without_a_size_is_1024_square_and_the_answer_says_what_was_used() -> None:
    result = await answer(picture_call())
    assert result.echo == {"size": "1024x1024", "output_format": "png", "quality": "medium", "background": "opaque"}
    assert result.stated_cost is None
    assert result.failures == ()


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
async def test_lower_compression_quality_makes_smaller_files(output_format: str) -> None:
    sizes = []
    for compression in (0, 60, 100):
        call = picture_call(size=Size(256, 256), output_format=output_format, output_compression=compression)
        sizes.append((await answer(call)).outputs[0].picture.bytes)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 3


async def test_the_same_prompt_and_seed_give_the_same_bytes() -> None:
    one, other = [(await answer(picture_call(size=Size(300, 200)))).outputs[0].picture for _ in range(2)]
    assert one.digest == other.digest


@pytest.mark.parametrize("change", [{"seed": 8}, {"prompt": "a desert in spring"}])
async def test_another_seed_or_prompt_gives_a_picture_that_looks_different(change: dict[str, Any]) -> None:
    bench = Workbench()
    assert difference(await made(bench, size=Size(200, 200)), await made(bench, size=Size(200, 200), **change)) > 8


async def test_one_prompt_and_seed_is_one_composition_at_every_size() -> None:
    bench = Workbench()
    small, large = await made(bench, size=Size(256, 256)), await made(bench, size=Size(768, 768))
    crop = (0, 0, 256, 210)
    assert difference(large.resize((256, 256)).crop(crop), small.crop(crop)) < 6


async def test_several_pictures_count_the_seed_up_and_differ() -> None:
    result = await answer(picture_call(n=3, size=Size(64, 64)))
    assert [output.seed for output in result.outputs] == [7, 8, 9]
    assert len({output.picture.digest for output in result.outputs}) == 3
    alone = await answer(picture_call(seed=8, size=Size(64, 64)))
    assert alone.outputs[0].picture.digest == result.outputs[1].picture.digest


async def test_without_a_seed_a_fresh_one_is_used_and_told() -> None:
    result = await answer(picture_call(seed=None, size=Size(64, 64)))
    assert result.outputs[0].seed == 1234


@pytest.mark.parametrize("size", [(64, 64), (300, 200), (1024, 512)])
async def test_every_picture_carries_a_darker_band_with_light_writing(size: tuple[int, int]) -> None:
    bench = Workbench()
    image = (await made(bench, size=Size(*size))).convert("L")
    band = image.crop((0, size[1] - max(9, min(size) // 40), *size))
    low, high = band.getextrema()
    assert high - low > 90


@pytest.mark.parametrize("prompt", ["", "中文提示", "été " * 200, "\n\t" * 30, "🌊🏔️"])
async def test_any_prompt_can_be_drawn(prompt: str) -> None:
    assert (await answer(picture_call(prompt=prompt, size=Size(400, 100)))).outputs


@pytest.mark.parametrize("output_format", ["png", "webp"])
async def test_a_transparent_background_gives_alpha(output_format: str) -> None:
    bench = Workbench()
    image = await made(bench, size=Size(200, 200), background="transparent", output_format=output_format)
    assert image.mode == "RGBA"
    assert image.getpixel((1, 1))[3] == 0
    assert image.getpixel((100, 100))[3] == 255


async def test_an_opaque_picture_has_no_alpha() -> None:
    assert (await made(Workbench(), size=Size(64, 64), background="opaque")).mode == "RGB"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"output_format": "gif"}, "output_format"),
        ({"output_format": "jpeg", "background": "transparent"}, "background"),
        ({"background": "pink"}, "background"),
        ({"output_compression": 101}, "output_compression"),
        ({"size": Size(8193, 10)}, "size"),
        ({"size": Size(5000, 5000)}, "size"),
    ],
)
async def test_what_cannot_be_drawn_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await events(picture_call(**fields))
    assert caught.value.param == param


async def test_a_stream_sends_coarse_pictures_that_come_nearer_to_the_last() -> None:
    bench = Workbench()
    *partial, last = await events(picture_call(size=Size(256, 256), stream=True, partial_images=3), bench)
    assert isinstance(last, ImageAnswer)
    final = bench.image(last.outputs[0].picture)
    assert [event.index for event in partial if isinstance(event, PartialPicture)] == [0, 1, 2]
    far = [difference(bench.image(event.picture), final) for event in partial if isinstance(event, PartialPicture)]
    assert far == sorted(far, reverse=True)
    assert far[0] > 2 * far[2] > 0


async def test_partial_pictures_come_only_in_a_stream() -> None:
    assert len(await events(picture_call(size=Size(64, 64), partial_images=3))) == 1


async def test_an_edit_is_as_large_as_its_first_picture_and_shows_it_and_the_prompt() -> None:
    bench = Workbench()
    red = bench.keep(painted((200, 30, 30)), 96, 64)
    blue = bench.keep(painted((30, 30, 200)), 96, 64)
    from_red, from_blue = await made(bench, references=(red,)), await made(bench, references=(blue,))
    other_prompt = await made(bench, references=(red,), prompt="winter in the mountains")
    assert from_red.size == (96, 64)
    assert difference(from_red, from_blue) > 20
    assert difference(from_red, other_prompt) > 8


async def test_further_references_are_pinned_on_in_order() -> None:
    bench = Workbench()
    ground = bench.keep(painted((90, 90, 90), (400, 400)), 400, 400)
    red, green = (bench.keep(encoded(Image.new("RGB", (50, 50), colour)), 50, 50) for colour in ("red", "lime"))
    image = await made(bench, references=(ground, red, green))

    def share(side: Image.Image, high: int, low: int) -> float:
        pixels = side.convert("RGB").tobytes()
        hits = sum(pixels[k + high] > 240 and pixels[k + low] < 15 for k in range(0, len(pixels), 3))
        return hits / (side.width * side.height)

    left, right = image.crop((0, 0, 200, 400)), image.crop((200, 0, 400, 400))
    assert share(left, 0, 1) > 0.05
    assert share(right, 1, 0) > 0.05
    assert share(right, 0, 1) == share(left, 1, 0) == 0


@pytest.mark.parametrize("count", [1, 2, 6, 16])
async def test_as_many_references_as_are_taken_can_be_combined(count: int) -> None:
    bench = Workbench()
    references = tuple(bench.keep(painted((10 * k, 80, 60)), 96, 64) for k in range(count))
    assert (await made(bench, references=references, size=Size(240, 160))).size == (240, 160)


async def test_one_reference_more_is_refused() -> None:
    bench = Workbench()
    with pytest.raises(BadRequest, match="at most 16"):
        await events(picture_call(references=(bench.keep(painted((1, 2, 3)), 96, 64),) * 17), bench)


@pytest.mark.parametrize("further", [0, 2])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
async def test_outside_the_mask_every_pixel_stays_and_inside_it_changes(mode: str, further: int) -> None:
    bench = Workbench()
    with Image.open(io.BytesIO(painted((90, 120, 150), (160, 120)))) as opened:
        original = opened.convert(mode)
    reference = bench.keep(encoded(original), 160, 120)
    others = tuple(bench.keep(painted((40 * k, 9, 9)), 96, 64) for k in range(further))
    hole = (40, 30, 110, 90)
    image = await made(bench, references=(reference, *others), mask=bench.keep(mask((160, 120), hole), 160, 120))
    changed = ImageChops.difference(image.convert("RGB"), original.convert("RGB")).convert("L").getbbox()
    assert changed is not None
    assert changed[0] >= 40 and changed[1] >= 30 and changed[2] <= 111 and changed[3] <= 91
    inside = (41, 31, 110, 90)
    assert difference(image.crop(inside), original.convert("RGB").crop(inside)) > 5


async def test_a_reference_with_alpha_keeps_it_outside_the_mask() -> None:
    bench = Workbench()
    original = Image.new("RGBA", (80, 60), (10, 200, 30, 77))
    reference = bench.keep(encoded(original), 80, 60)
    image = await made(bench, references=(reference,), mask=bench.keep(mask((80, 60), (20, 20, 60, 50)), 80, 60))
    assert image.getpixel((5, 5)) == (10, 200, 30, 77)
    assert image.getpixel((40, 35))[3] == 255


async def test_with_another_size_the_mask_is_scaled_with_its_picture() -> None:
    bench = Workbench()
    reference = bench.keep(encoded(Image.new("RGB", (80, 60), (10, 200, 30))), 80, 60)
    hole = bench.keep(mask((80, 60), (40, 0, 80, 60)), 80, 60)
    image = await made(bench, references=(reference,), mask=hole, size=Size(160, 120))
    assert image.size == (160, 120)
    assert image.getpixel((20, 60)) == (10, 200, 30)
    assert image.getpixel((130, 30)) != (10, 200, 30)


async def test_a_mask_that_marks_nothing_leaves_the_picture_as_it_is() -> None:
    bench = Workbench()
    original = Image.new("RGB", (40, 30), (10, 200, 30))
    opaque = bench.keep(encoded(Image.new("RGBA", (40, 30), (0, 0, 0, 255))), 40, 30)
    image = await made(bench, references=(bench.keep(encoded(original), 40, 30),), mask=opaque)
    assert image.tobytes() == original.tobytes()


def huge_header() -> bytes:
    """A PNG that says it is 60000 pixels square, and is not."""
    data = bytearray(encoded(Image.new("RGB", (1, 1))))
    data[16:24] = (60000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


PICTURE = painted((50, 60, 70))
HOSTILE = {
    "cut off": PICTURE[: len(PICTURE) // 2],
    "no picture": b"<svg onload=alert(1)>",
    "empty": b"",
    "a decompression bomb": huge_header(),
    "a format not taken": encoded(Image.new("RGB", (8, 8)), "BMP"),
}


@pytest.mark.parametrize("where", ["first", "further", "mask"])
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_picture_is_refused_by_name(data: bytes, where: str) -> None:
    bench = Workbench()
    fine, bad = bench.keep(PICTURE, 96, 64), bench.keep(data, 96, 64)
    fields = {
        "first": {"references": (bad,)},
        "further": {"references": (fine, bad)},
        "mask": {"references": (fine,), "mask": bad},
    }[where]
    with pytest.raises(BadRequest) as caught:
        await events(picture_call(**fields), bench)
    assert caught.value.param == ("mask" if where == "mask" else "image")


async def test_a_picture_too_large_is_refused_before_it_is_loaded() -> None:
    bench = Workbench()
    large = bench.keep(b"never looked at", MAX_REFERENCE_PIXELS // 1000 + 1, 1000)
    with pytest.raises(BadRequest, match="50 megapixels"):
        await events(picture_call(references=(large,)), bench)


@pytest.mark.parametrize(
    ("size", "mode", "words"), [((50, 64), "RGBA", "same size"), ((96, 64), "RGB", "no transparency")]
)
async def test_a_mask_that_does_not_fit_is_refused(size: tuple[int, int], mode: str, words: str) -> None:
    bench = Workbench()
    fine = bench.keep(PICTURE, 96, 64)
    wrong = bench.keep(encoded(Image.new(mode, size)), *size)
    with pytest.raises(BadRequest, match=words) as caught:
        await events(picture_call(references=(fine,), mask=wrong), bench)
    assert caught.value.param == "mask"


async def test_a_mask_without_a_picture_is_refused() -> None:
    bench = Workbench()
    with pytest.raises(BadRequest, match="picture to edit"):
        await events(picture_call(mask=bench.keep(mask((8, 8), (0, 0, 4, 4)), 8, 8)), bench)


async def test_an_edit_of_a_photograph_larger_than_can_be_drawn_is_made_to_fit() -> None:
    bench = Workbench()
    photograph = bench.keep(encoded(Image.new("RGB", (9000, 40), (9, 9, 9)), "JPEG"), 9000, 40)
    assert (await made(bench, references=(photograph,))).size == (8192, 36)


@pytest.mark.slow
@pytest.mark.parametrize(("side", "seconds"), [(1024, 1.0), (2048, 3.0)])
def test_drawing_takes_a_fraction_of_a_second_of_the_processor(side: int, seconds: float) -> None:
    before = time.process_time()
    draw(Task(prompt="mountains", seed=1, size=Size(side, side)))
    assert time.process_time() - before < seconds


async def test_a_provider_made_to_fail_fails_every_operation() -> None:
    broken = account(failure="no-credit")
    for call in (picture_call(), chat_call(), embedding_call()):
        with pytest.raises(Exception, match="account is empty"):
            await events(call, by=broken)


@pytest.mark.parametrize("quirks", [{"failure": "nonsense"}, {"failure": 500}, {"failing": "500"}])
def test_a_wrong_quirk_is_refused_at_start(quirks: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="sandbox"):
        sandbox().check_quirks(quirks)


def test_a_right_quirk_is_taken() -> None:
    sandbox().check_quirks({"failure": "slow 1, 500"})
    sandbox().check_quirks({})
