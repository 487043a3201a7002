"""Which offer can carry out which call: one table of refusals, one of calls that pass."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from penstock.catalogue.capability import fit, ignored, refusal
from penstock.catalogue.load import load
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Operation, Size
from penstock.core.picture import Picture
from penstock.core.target import Limits, Offer

CATALOGUE = load()
OFFERS = {offer.id: offer for offer in CATALOGUE.all_offers}
PRO, FLUX1, FLUX3 = "bfl/flux-2-pro", "bfl/flux-pro-1.1", "bfl/flux-3-image"
KONTEXT, FILL, KLEIN = "bfl/flux-kontext-pro", "bfl/flux-pro-1.0-fill", "bfl/flux-2-klein-4b"
GPT1, GPT2, SANDBOX, GEMINI = "openai/gpt-image-1", "openai/gpt-image-2", "sandbox/image", "google/gemini-3-pro-image"


def picture(width: int = 1024, height: int = 1024, media_type: str = "image/png", length: int = 1000) -> Picture:
    return Picture("0" * 64, media_type, width, height, length)


def image(**asked: Any) -> ImageCall:
    size = asked.pop("size", None)
    return ImageCall(model="m", prompt=asked.pop("prompt", "a gate"), size=size and Size.parse(size), **asked)


def chat(body: Mapping[str, object] | None = None, **asked: Any) -> ChatCall:
    fields = {"messages": [{"role": "user", "content": "hello"}], **(body or {})}
    return ChatCall(model="m", body={k: msgspec.Raw(msgspec.json.encode(v)) for k, v in fields.items()}, **asked)


def refused(call: Call, offer_id: str) -> tuple[str | None, str] | None:
    offer = OFFERS[offer_id]
    found = refusal(call, offer, CATALOGUE.models[offer.model])
    return None if found is None else (found.field, found.reason)


REFUSALS = [
    (chat(), PRO, None, "flux-2-pro at bfl does not do chat; it does image generation and image editing."),
    (image(), "sandbox/text", None, "text at sandbox does not do image generation; it does chat."),
    (image(), FILL, None, "flux-pro-1.0-fill at bfl does not do image generation; it does image editing."),
    (image(references=(picture(),)), "xai/grok-imagine-image", "image", "does not do image editing"),
    (EmbeddingCall(model="m", body={}), "sandbox/text", None, "does not do embeddings; it does chat."),
    (
        image(size="4096x4096"),
        PRO,
        "size",
        "flux-2-pro at bfl makes pictures of at most 4 megapixels; 4096x4096 is 16.",
    ),
    (image(size="32x512"), PRO, "size", "sides of at least 64 pixels; 32x512 is too small."),
    (image(size="1000x1000"), FLUX1, "size", "multiples of 32; 1000x1000 is none, 992x992 is."),
    (image(size="2048x1024"), FLUX1, "size", "sides of at most 1440 pixels; 2048x1024 is too large."),
    (image(size="512x512"), GPT2, "size", "at least 0.625 megapixels; 512x512 is 0.25."),
    (image(size="3200x640"), GPT2, "size", "at most 3 times as long as they are wide; 3200x640 is longer."),
    (
        image(size="512x512"),
        GPT1,
        "size",
        "gpt-image-1 at openai makes pictures of 1024x1024, 1536x1024 or 1024x1536; 512x512 is none of them.",
    ),
    (
        image(size="1920x1080"),
        FLUX3,
        "size",
        "flux-3-image at bfl takes an aspect_ratio, not a pixel size; the nearest to 1920x1080 is 16:9.",
    ),
    (image(size="512x512", references=(picture(),)), FILL, "size", "takes no size; 512x512 cannot be had."),
    (image(aspect_ratio="9:32"), FLUX3, "aspect_ratio", "1:2 and 9:21; 9:32 is none of them."),
    (image(aspect_ratio="16:9"), GPT1, "aspect_ratio", "1024x1024, 1536x1024 or 1024x1536; none of them is 16:9."),
    (image(aspect_ratio="1:1", references=(picture(),)), FILL, "aspect_ratio", "takes no aspect_ratio; leave it out."),
    (image(aspect_ratio="wide"), PRO, "aspect_ratio", "two numbers such as 16:9; 'wide' is none."),
    (image(aspect_ratio="0:1"), PRO, "aspect_ratio", "'0:1' is none."),
    (image(resolution="8K"), PRO, "resolution", "no size class '8K'; there are 512, 768, 1K, 1.5K, 2K and 4K."),
    (image(resolution="2K"), KONTEXT, "resolution", "takes no resolution; leave it out."),
    (image(resolution="512"), GEMINI, "resolution", "takes the size classes 1K, 2K and 4K; 512 is none of them."),
    (image(resolution="2K"), GPT1, "resolution", "none of them is 2K."),
    (
        image(resolution="4k", aspect_ratio="16:9"),
        PRO,
        "resolution",
        "at most 4 megapixels; 5456x3072 is 16, which is what 4K at 16:9 comes to.",
    ),
    (image(aspect_ratio="1:400"), PRO, "aspect_ratio", "48x19200 is too small, which is what 1:400 comes to."),
    (image(size="1024x1024", aspect_ratio="16:9"), PRO, "size", "1024x1024 with the aspect_ratio 16:9; send one"),
    (image(size="1024x1024", resolution="4K"), PRO, "size", "cannot make 1024x1024 in the resolution 4K; send one"),
    (image(n=11), PRO, "n", "makes at most 10 pictures in one request; 11 were asked for."),
    (image(seed=0), GPT1, "seed", "takes no seed; leave it out."),
    (image(seed=1), FLUX3, "seed", "takes no seed"),
    (image(quality="high"), PRO, "quality", "has no quality setting; leave it out."),
    (image(quality="hd"), GPT1, "quality", "takes the quality low, medium, high or auto; hd is none of them."),
    (image(background="transparent"), PRO, "background", "makes pictures without transparency; leave it out."),
    (image(background="transparent", output_format="jpeg"), GPT1, "background", "ask for png or webp."),
    (image(background="green"), GPT1, "background", "green is none of them."),
    (image(output_format="svg"), PRO, "output_format", "jpeg, png or webp; svg is none of them."),
    (image(output_format="png"), FLUX3, "output_format", "chooses the picture format itself; leave it out."),
    (image(output_compression=50), PRO, "output_compression", "does not let the compression be chosen"),
    (image(output_compression=50, output_format="png"), GPT1, "output_compression", "jpeg and webp only"),
    (image(prompt="x" * 32_001), GPT1, "prompt", "at most 32000 characters; this one has 32001."),
    (image(references=(picture(),) * 5), KLEIN, "image", "takes at most 4 reference pictures; 5 were sent."),
    (image(mask=picture()), FILL, "image", "needs at least 1 reference picture; none sent."),
    (
        image(references=(picture(), picture(128, 512))),
        FLUX3,
        "image",
        "sides of at least 256 pixels; reference 2 is 128x512, 0.0625 megapixels, 1,000 bytes.",
    ),
    (image(references=(picture(5000, 5000),)), PRO, "image", "of at most 20 megapixels; reference 1 is 5000x5000"),
    (image(references=(picture(length=50_000_001),)), GPT1, "image", "of at most 50,000,000 bytes"),
    (image(references=(picture(),), mask=picture()), PRO, "mask", "takes no mask; leave it out"),
    (image(mask=picture()), GPT1, "mask", "only together with the picture it belongs to"),
    (
        image(references=(picture(),), mask=picture(512, 512)),
        FILL,
        "mask",
        "that is 1024x1024, and the mask is 512x512.",
    ),
    (image(references=(picture(),), mask=picture(media_type="image/jpeg")), FILL, "mask", "a jpeg cannot be"),
    (chat(modalities=("text", "image")), "sandbox/text", "modalities", "answers in text only"),
    (chat(pictures={"0": picture()}), "groq/openai/gpt-oss-120b", "messages", "reads text only"),
    (chat({"max_tokens": 70_000}), "groq/openai/gpt-oss-120b", "max_tokens", "at most 65536 tokens; 70000 were"),
    (chat({"max_completion_tokens": 10**6}), "openai/gpt-4o-mini", "max_completion_tokens", "at most 16384 tokens"),
]


@pytest.mark.parametrize(("call", "offer", "field", "sentence"), REFUSALS)
def test_a_limit_is_told_with_its_field_and_what_is_possible(
    call: Call, offer: str, field: str | None, sentence: str
) -> None:
    found = refused(call, offer)
    assert found is not None
    assert found[0] == field
    assert sentence in found[1]
    assert found[1].startswith(f"{OFFERS[offer].upstream} at {OFFERS[offer].provider} ")
    assert found[1].endswith(".")


@pytest.mark.parametrize(("call", "offer"), [row[:2] for row in REFUSALS if isinstance(row[0], ImageCall)])
def test_a_refused_call_is_refused_after_fitting_too(call: ImageCall, offer: str) -> None:
    assert refused(fit(call, OFFERS[offer]), offer) is not None


AUTO = {"quality": "auto", "background": "auto", "output_format": "auto", "aspect_ratio": "auto", "resolution": "auto"}


@pytest.mark.parametrize("operation", Operation)
def test_a_call_that_asks_for_nothing_passes_wherever_the_operation_is_offered(operation: Operation) -> None:
    calls: dict[Operation, Call] = {
        Operation.CHAT: chat(),
        Operation.IMAGE_GENERATION: image(**AUTO),
        Operation.IMAGE_EDIT: image(references=(picture(),), **AUTO),
        Operation.EMBEDDING: EmbeddingCall(model="m", body={}),
    }
    for offer in CATALOGUE.all_offers:
        expected = operation in offer.operations
        assert (refused(calls[operation], offer.id) is None) == expected, offer.id


@pytest.mark.parametrize(
    ("call", "offer"),
    [
        (image(size="1920x1080"), PRO),
        (image(size="2048x2048", n=10, seed=0, output_format="webp"), PRO),
        (image(size="64x65536"), "bfl/flux-2-max"),
        (image(references=(picture(),) * 8), PRO),
        (image(background="opaque"), PRO),
        (image(size="1344x768", aspect_ratio="16:9", resolution="1k"), PRO),
        (image(size="3840x2160", resolution="4K"), GPT2),
        (image(size="1440x1440"), FLUX1),
        (image(aspect_ratio="21:9", resolution="4k"), FLUX3),
        (image(aspect_ratio="9:21", resolution="1K"), KONTEXT),
        (image(aspect_ratio="3:2"), GPT1),
        (image(aspect_ratio="1:1", resolution="1K"), GPT1),
        (image(quality="HIGH", background="transparent", output_format="webp", output_compression=80), GPT1),
        (image(output_compression=100, output_format="png"), GPT1),
        (image(references=(picture(),), mask=picture(), stream=True, partial_images=3), GPT2),
        (image(references=(picture(640, 480),), mask=picture(640, 480)), FILL),
        (image(size="4096x1024", n=10, partial_images=3, seed=7, background="transparent"), SANDBOX),
        (chat({"max_tokens": None, "max_completion_tokens": "many"}), "groq/openai/gpt-oss-120b"),
        (chat(pictures={"0": picture()}, modalities=("text",)), "openai/gpt-4o-mini"),
    ],
)
def test_a_call_within_the_limits_passes(call: Call, offer: str) -> None:
    assert refused(call, offer) is None


@pytest.mark.parametrize(
    ("asked", "offer", "size"),
    [
        ({"aspect_ratio": "16:9"}, PRO, "1344x768"),
        ({"aspect_ratio": "1:1"}, PRO, "1024x1024"),
        ({"aspect_ratio": "21:9", "resolution": "1k"}, PRO, "1536x672"),
        ({"aspect_ratio": "2:1"}, PRO, "1440x720"),
        ({"resolution": "2K"}, PRO, "2048x2048"),
        ({"resolution": "512"}, PRO, "512x512"),
        ({"resolution": "1.5k", "aspect_ratio": "auto"}, PRO, "1536x1536"),
        ({"resolution": "2K", "aspect_ratio": "16:9"}, PRO, "2720x1536"),
        ({"aspect_ratio": "3:2"}, FLUX1, "1248x832"),
        ({"aspect_ratio": "1:2"}, FLUX1, "704x1408"),
        ({"aspect_ratio": "19.5:9"}, SANDBOX, "1488x688"),
        ({"aspect_ratio": "21:9", "resolution": "512"}, PRO, "752x320"),
        ({"aspect_ratio": "2:3"}, GPT1, "1024x1536"),
        ({"resolution": "2K", "references": (picture(1600, 900),)}, PRO, "2720x1536"),
    ],
)
def test_a_ratio_and_a_class_become_pixels_where_the_offer_takes_pixels(
    asked: dict[str, Any], offer: str, size: str
) -> None:
    fitted = fit(image(**asked), OFFERS[offer])
    assert (str(fitted.size), fitted.aspect_ratio, fitted.resolution) == (size, None, None)
    assert fit(fitted, OFFERS[offer]) == fitted


@pytest.mark.parametrize(
    ("asked", "offer", "left"),
    [
        ({"aspect_ratio": "16:9", "resolution": "2k"}, FLUX3, ("16:9", "2K", None)),
        ({"aspect_ratio": "auto"}, PRO, ("auto", None, None)),
        ({"aspect_ratio": "16:9"}, GPT1, ("16:9", None, None)),
        ({"size": "640x480", "resolution": "1k"}, PRO, (None, "1K", "640x480")),
        ({"resolution": "auto"}, PRO, (None, None, None)),
    ],
)
def test_what_the_provider_takes_itself_or_nobody_can_make_is_left(
    asked: dict[str, Any], offer: str, left: tuple[str | None, ...]
) -> None:
    fitted = fit(image(**asked), OFFERS[offer])
    assert (fitted.aspect_ratio, fitted.resolution, fitted.size and str(fitted.size)) == left


def test_an_offer_with_ratios_and_free_sizes_keeps_the_ratios_it_takes_itself() -> None:
    offer = replace(OFFERS[PRO], limits=replace(OFFERS[PRO].limits, aspect_ratios=("16:9",), resolutions=("1K",)))
    assert fit(image(aspect_ratio="16:9", resolution="1k"), offer).size is None
    assert fit(image(aspect_ratio="2:1"), offer).size == Size(1440, 720)
    assert fit(image(aspect_ratio="16:9", resolution="2K"), offer).size == Size(2720, 1536)


def test_every_class_at_every_ratio_stays_within_its_area() -> None:
    offer = Offer(
        model="m", provider="p", upstream="u", operations=frozenset(), limits=Limits(free_size=True, multiple=64)
    )
    for resolution, side in (("512", 512), ("768", 768), ("1K", 1024), ("1.5K", 1536), ("2K", 2048), ("4K", 4096)):
        for ratio in ("1:1", "16:9", "9:16", "3:2", "21:9", "1:8"):
            size = fit(image(resolution=resolution, aspect_ratio=ratio), offer).size
            assert size is not None
            assert size.pixels <= side * side
            assert size.width % 64 == size.height % 64 == 0


def test_fields_the_offer_does_not_take_are_named() -> None:
    call = image(options={"style": "vivid", "safety_tolerance": 2, "steps": 4, "guidance": 3})
    assert ignored(call, OFFERS[PRO]) == ("style", "steps", "guidance")
    assert ignored(call, OFFERS["bfl/flux-2-flex"]) == ("style",)
    assert ignored(image(), OFFERS[PRO]) == ()


@pytest.mark.parametrize(
    ("offer", "asked", "passed_over"), [(PRO, 1, ("partial_images",)), (PRO, 0, ()), (GPT1, 3, ())]
)
def test_previews_that_nobody_sends_are_reported_and_not_refused(
    offer: str, asked: int, passed_over: tuple[str, ...]
) -> None:
    call = image(stream=True, partial_images=asked)
    assert refusal(call, OFFERS[offer], CATALOGUE.models[OFFERS[offer].model]) is None
    assert ignored(call, OFFERS[offer]) == passed_over
