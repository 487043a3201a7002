"""A chat with a model that only makes pictures: what of it is asked for, and what is left out and said so."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from penstock.core.call import ChatCall, ImageCall, Size
from penstock.core.errors import BadRequest
from penstock.core.picture import Picture
from penstock.core.pieces import placeholder
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.imagine import picture_call
from penstock.pipeline.request import Life
from tests.pipeline.lives import life

ONE, TWO, THREE = (Picture(letter * 64, "image/png", 64, 64, 100) for letter in "abc")
NO_GATEWAY = cast(Gateway, SimpleNamespace())
"""Every picture here was stored while the body was read, so nothing is fetched."""


def url(picture: Picture) -> dict[str, Any]:
    address = f"data:{picture.media_type};base64,{placeholder(picture.digest)}"
    return {"type": "image_url", "image_url": {"url": address}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def says(role: str, content: Any, *images: Picture) -> dict[str, Any]:
    return {"role": role, "content": content, **({"images": [url(picture) for picture in images]} if images else {})}


async def asked(messages: Any, *, stream: bool = False, **fields: Any) -> tuple[ImageCall, Life]:
    of = life()
    of.incoming.pictures.update({picture.digest: picture for picture in (ONE, TWO, THREE)})
    body = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in {"messages": messages, **fields}.items()}
    chat = ChatCall(model="own/picture", body={"model": msgspec.Raw(b'"own/picture"'), **body}, stream=stream)
    return await picture_call(of, chat, NO_GATEWAY), of


CHATS: dict[str, tuple[list[dict[str, Any]], str, tuple[Picture, ...]]] = {
    "one word": ([says("user", "a cat")], "a cat", ()),
    "the last message counts": ([says("user", "a cat"), says("user", "a dog")], "a dog", ()),
    "text in parts": ([says("user", [text("a cat"), text("in a hat")])], "a cat\nin a hat", ()),
    "with a picture": ([says("user", [text("blue"), url(ONE)])], "blue", (ONE,)),
    "pictures keep their order": ([says("user", [url(TWO), text("blue"), url(ONE)])], "blue", (TWO, ONE)),
    "a bare address": (
        [says("user", [text("blue"), {"type": "image_url", "image_url": url(ONE)["image_url"]["url"]}])],
        "blue",
        (ONE,),
    ),
    "a follow-up edits the last answer": (
        [says("user", "a cat"), says("assistant", "", ONE), says("user", "make it blue")],
        "make it blue",
        (ONE,),
    ),
    "of several answers the last": (
        [says("assistant", "", ONE), says("user", "x"), says("assistant", "", TWO), says("user", "blue")],
        "blue",
        (TWO,),
    ),
    "an answer's pictures in its content": (
        [says("assistant", [url(THREE)]), says("user", "blue")],
        "blue",
        (THREE,),
    ),
    "own pictures come before the last answer's": (
        [says("assistant", "", ONE), says("user", [text("blue"), url(TWO)])],
        "blue",
        (TWO,),
    ),
    "an answer in words ends the search": (
        [says("assistant", "", ONE), says("assistant", "sorry"), says("user", "a cat")],
        "a cat",
        (),
    ),
    "what follows the last user is not looked at": (
        [says("user", "a cat"), says("assistant", "", ONE)],
        "a cat",
        (),
    ),
    "odd parts are passed over": ([says("user", [5, None, {"type": "file"}, text(" a cat ")])], "a cat", ()),
}


@pytest.mark.parametrize(("messages", "prompt", "references"), CHATS.values(), ids=CHATS)
async def test_a_chat_asks_for_this(
    messages: list[dict[str, Any]], prompt: str, references: tuple[Picture, ...]
) -> None:
    call, _ = await asked(messages)
    assert (call.prompt, call.references, call.mask) == (prompt, references, None)


USER = [says("user", "a cat")]


async def test_image_config_and_top_level_fields_are_those_of_the_images_endpoint() -> None:
    config = {"aspect_ratio": "16:9", "image_size": "2K", "output_format": "webp"}
    call, of = await asked(USER, image_config=config, seed=5, n=2, safety_tolerance=3, stream=True)
    assert (call.aspect_ratio, call.resolution, call.output_format) == ("16:9", "2K", "webp")
    assert (call.seed, call.n, call.stream, call.options) == (5, 2, True, {"safety_tolerance": 3})
    assert of.ignored == ()


async def test_image_config_counts_before_the_top_level() -> None:
    call, _ = await asked(USER, image_config={"size": "64x64"}, size="128x128")
    assert call.size == Size(64, 64)


async def test_what_only_a_chat_has_is_left_out_and_said_so() -> None:
    call, of = await asked(
        [says("system", "be brief"), *USER], temperature=1, tools=[], modalities=["image"], metadata={"a": "b"}
    )
    assert call.options == {}
    assert of.ignored == ("temperature", "tools", "messages.system")


WRONG: list[tuple[Any, str]] = [
    ([], "missing or empty"),
    ("hello", "must be a list"),
    ([5], "must be a list"),
    ([says("assistant", "hello")], "no user message"),
    ([says("user", "")], "no text"),
    ([says("user", [url(ONE)])], "no text"),
    ([says("user", None)], "no text"),
    ([says("user", [text("a"), {"type": "image_url"}])], "data URL or an https address"),
    ([says("user", [text("a"), {"type": "image_url", "image_url": {"url": 5}}])], "data URL or an https address"),
]


@pytest.mark.parametrize(("messages", "said"), WRONG, ids=range(len(WRONG)))
async def test_a_chat_that_asks_for_no_picture_is_refused(messages: Any, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as refused:
        await asked(messages)
    assert refused.value.param == "messages"


@pytest.mark.parametrize("fields", [{"image_config": 5}, {"image_config": []}, {"image_config": {"n": 0}}, {"n": 0}])
async def test_fields_are_checked_as_at_the_images_endpoint(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        await asked(USER, **fields)


async def test_a_placeholder_that_a_caller_made_up_opens_no_stored_picture() -> None:
    stranger = Picture("f" * 64, "image/png", 64, 64, 100)
    with pytest.raises(BadRequest, match="base64 is broken"):
        await asked([says("user", [text("blue"), url(stranger)])])
