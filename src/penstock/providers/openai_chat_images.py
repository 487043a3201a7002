"""Pictures by chat completions, as OpenRouter serves them: `modalities`, `image_config`, `message.images`.

One call makes one picture; more are made by several calls. Pixel sizes and masks do not exist on this way.
"""

import msgspec

from penstock.core.answer import ImageAnswer
from penstock.core.call import ImageCall
from penstock.core.errors import BadRequest, Moderated, PenstockError, UnusableAnswer
from penstock.core.pieces import Pieces
from penstock.core.target import Account, Offer
from penstock.providers.base import UpstreamReply
from penstock.providers.openai_errors import opened, stated_failure
from penstock.providers.openai_images import image_answer, image_part, output_at, with_pictures
from penstock.providers.openai_quirks import Quirks
from penstock.providers.openai_usage import chat_usage, stated_cost

_NULL = msgspec.Raw(b"null")
_CONFIGURED = ("aspect_ratio", "quality", "background", "output_format", "output_compression")


class _Address(msgspec.Struct):
    url: str


class _Part(msgspec.Struct):
    image_url: _Address


class _Message(msgspec.Struct, frozen=True):
    content: str | list[msgspec.Raw] | None = None
    images: list[_Part] | None = None


class _Choice(msgspec.Struct):
    message: _Message = _Message()
    finish_reason: str | None = None
    error: msgspec.Raw = _NULL


_CHOICES = msgspec.json.Decoder(list[_Choice] | None)


def by_chat(offer: Offer, quirks: Quirks) -> bool:
    """Whether pictures of this offer are asked for by chat: quirk `image_via`, or the offer's wire."""
    return quirks.image_via == "chat" or offer.wire in ("chat-image", "chat-image-only")


def chat_image_body(call: ImageCall, offer: Offer, quirks: Quirks) -> Pieces:
    """The prompt and references as one message; further options go into `image_config`, free-form at OpenRouter.

    Raises BadRequest for a mask and for a pixel size.
    """
    for name in ("mask", "size"):
        if getattr(call, name) is not None:
            raise BadRequest(f"This provider makes pictures by chat and takes no `{name}`.", param=name)
    config = {name: call.options[name] for name in offer.parameters if name in call.options}
    config |= {name: value for name in _CONFIGURED if (value := getattr(call, name)) is not None}
    if call.resolution is not None:
        config["image_size"] = call.resolution
    content = [{"type": "text", "text": call.prompt}, *(image_part(picture) for picture in call.references)]
    body: dict[str, object] = {
        "model": offer.upstream,
        "messages": [{"role": "user", "content": content}],
        "modalities": ["image"] if offer.wire == "chat-image-only" else ["image", "text"],
    }
    if config:
        body["image_config"] = config
    if call.seed is not None and "seed" in quirks.fields:
        body["seed"] = call.seed
    if call.user is not None:
        body["user"] = call.user
    return with_pictures(body, call)


def read_chat_images(call: ImageCall, account: Account, quirks: Quirks, reply: UpstreamReply) -> ImageAnswer:
    """The pictures in the messages. Raises Moderated for a filtered answer, UnusableAnswer for one of words only."""
    fields = opened(account, reply)
    try:
        choices = _CHOICES.decode(fields.get("choices", _NULL)) or []
    except msgspec.DecodeError as error:
        raise UnusableAnswer(f"{account.provider.name} answered with choices that are none.") from error
    outputs = []
    failures: list[PenstockError] = []
    for choice in choices:
        if choice.error != _NULL:
            raise stated_failure(account, choice.error)
        found = [output_at(part.image_url.url, account, reply.pictures) for part in choice.message.images or []]
        outputs += [output for output in found if output]
        if not any(found):
            failures.append(_without_picture(choice, account))
    return image_answer(
        call,
        account,
        outputs,
        failures,
        usage=chat_usage(fields.get("usage")),
        stated_cost=stated_cost(fields, quirks.cost_field, account.provider),
    )


def _without_picture(choice: _Choice, account: Account) -> PenstockError:
    name, said = account.provider.name, choice.message.content
    if choice.finish_reason == "content_filter":
        return Moderated(f"{name} withheld the picture.", stage="output")
    words = " ".join(said.split())[:200] if isinstance(said, str) else ""
    return UnusableAnswer(f"{name} answered without a picture: {words or 'it said nothing.'}")
