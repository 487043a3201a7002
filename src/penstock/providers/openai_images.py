"""The Images API in OpenAI's dialect: generations, edits as a form or as JSON, and their answers.

Bodies are built from an allow-list: what the offer's limits let through, `Offer.parameters`, and what quirks add.
"""

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urljoin

import msgspec

from penstock.core.answer import ImageAnswer, Output, output_from_base64
from penstock.core.call import ImageCall
from penstock.core.errors import BadRequest, Moderated, PenstockError, UnusableAnswer, UpstreamFailed
from penstock.core.picture import Picture
from penstock.core.pieces import Pieces, data_url, split
from penstock.core.target import Account, Offer
from penstock.core.usage import Usage
from penstock.providers import multipart
from penstock.providers.base import UpstreamReply
from penstock.providers.openai_errors import Fields, opened
from penstock.providers.openai_quirks import Quirks
from penstock.providers.openai_usage import image_usage, stated_cost

_ECHOED = ("size", "quality", "background", "output_format")


class _Item(msgspec.Struct):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    respect_moderation: bool | None = None
    """xAI: false where the picture was made and withheld."""


_DATA = msgspec.json.Decoder(list[_Item] | None)


def streams(call: ImageCall, offer: Offer) -> bool:
    """Whether the answer is asked for as events."""
    return call.stream and offer.limits.partial_images > 0


def image_request(call: ImageCall, offer: Offer, quirks: Quirks) -> tuple[str, str, Pieces]:
    """Path below the base address, content type and body. Raises BadRequest for what this provider cannot be asked."""
    fields = _fields(call, offer, quirks)
    if not call.references:
        if call.mask:
            raise BadRequest("A mask needs the picture it belongs to.", param="mask")
        return quirks.images_path, "application/json", (msgspec.json.encode(fields),)
    match quirks.edits:
        case "multipart":
            return _form(call, fields, quirks)
        case "json":
            fields["images"] = [{"image_url": data_url(picture)} for picture in call.references]
            if call.mask:
                fields["mask"] = {"image_url": data_url(call.mask)}
            return "/images/edits", "application/json", with_pictures(fields, call)
        case "references":
            if call.mask:
                raise BadRequest("This provider takes reference pictures but no mask.", param="mask")
            fields["input_references"] = [image_part(picture) for picture in call.references]
            return quirks.images_path, "application/json", with_pictures(fields, call)
        case "none":
            raise BadRequest("This provider makes pictures but does not edit them.", param="image")


def image_part(picture: Picture) -> dict[str, object]:
    """A picture as a part of a chat message, and as a reference at OpenRouter."""
    return {"type": "image_url", "image_url": {"url": data_url(picture)}}


def with_pictures(fields: Mapping[str, object], call: ImageCall) -> Pieces:
    """JSON with the call's pictures in the places of their placeholders."""
    pictures = [*call.references, *([call.mask] if call.mask else [])]
    return split(msgspec.json.encode(fields), {picture.digest: picture for picture in pictures})


def read_images(call: ImageCall, account: Account, quirks: Quirks, reply: UpstreamReply) -> ImageAnswer:
    """The pictures of an answer. Raises UnusableAnswer where there is none, Moderated where all were withheld."""
    fields = opened(account, reply)
    try:
        items = _DATA.decode(fields.get("data", b"null")) or []
    except msgspec.DecodeError as error:
        raise UnusableAnswer(f"{account.provider.name} answered with pictures that are none.") from error
    outputs: list[Output] = []
    failures: list[PenstockError] = []
    for item in items:
        found = _output(item, account, reply.pictures)
        if isinstance(found, Output):
            outputs.append(found)
        else:
            failures.append(found)
    return image_answer(
        call,
        account,
        outputs,
        failures,
        usage=image_usage(fields.get("usage")),
        stated_cost=stated_cost(fields, quirks.cost_field, account.provider),
        echo=echo_of(fields),
    )


def image_answer(
    call: ImageCall,
    account: Account,
    outputs: list[Output],
    failures: list[PenstockError],
    *,
    usage: Usage,
    stated_cost: Decimal | None,
    echo: Mapping[str, str] | None = None,
) -> ImageAnswer:
    """An answer with one failure for each picture that is missing; raises the first where there is no picture."""
    name = account.provider.name
    if not outputs:
        raise failures[0] if failures else UnusableAnswer(f"{name} answered without a picture.")
    for _ in range(call.n - len(outputs) - len(failures)):
        failures.append(UpstreamFailed(f"{name} delivered {len(outputs)} of {call.n} pictures."))
    return ImageAnswer(
        outputs=tuple(outputs), failures=tuple(failures), usage=usage, stated_cost=stated_cost, echo=echo or {}
    )


def output_at(
    url: str, account: Account, pictures: Mapping[str, Picture], revised_prompt: str | None = None
) -> Output | None:
    """The Output at an address in an answer: a data URL, an absolute address, or one on the provider's own host."""
    if url.startswith("data:"):
        return output_from_base64(url, pictures, revised_prompt=revised_prompt)
    try:
        address = urljoin(account.provider.base_url, url)  # LocalAI: `/generated-images/...`
    except ValueError:
        return None
    return Output(url=address, revised_prompt=revised_prompt) if address.startswith(("https://", "http://")) else None


def _fields(call: ImageCall, offer: Offer, quirks: Quirks) -> dict[str, object]:
    fields: dict[str, object] = {name: call.options[name] for name in offer.parameters if name in call.options}
    fields |= {"model": offer.upstream, "prompt": call.prompt}
    asked: dict[str, object] = {
        "n": call.n if call.n > 1 else None,
        "size": str(call.size) if call.size else None,
        "quality": call.quality,
        "background": call.background,
        "output_format": call.output_format,
        "output_compression": call.output_compression,
        "user": call.user,
        "response_format": quirks.response_format or None,
    }
    asked |= {name: getattr(call, name) for name in quirks.fields}
    if streams(call, offer):
        asked |= {"stream": True, "partial_images": min(call.partial_images, offer.limits.partial_images) or None}
    return fields | {name: value for name, value in asked.items() if value is not None}


def _form(call: ImageCall, fields: Mapping[str, object], quirks: Quirks) -> tuple[str, str, Pieces]:
    field = "image" if len(call.references) == 1 else "image[]"
    files = [multipart.File(field, f"image-{i}", picture) for i, picture in enumerate(call.references, 1)]
    if call.mask:
        files.append(multipart.File(quirks.mask_field, "mask", call.mask))
    boundary = multipart.new_boundary()
    body = multipart.encode(((name, _text(value)) for name, value in fields.items()), files, boundary)
    return "/images/edits", multipart.content_type(boundary), body


def _text(value: object) -> str:
    """A field's value as a form holds it: text as it is, everything else as JSON (`true`, `5`)."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _output(item: _Item, account: Account, pictures: Mapping[str, Picture]) -> Output | PenstockError:
    name = account.provider.name
    if item.b64_json:
        return output_from_base64(item.b64_json, pictures, revised_prompt=item.revised_prompt)
    if item.respect_moderation is False:
        return Moderated(f"{name} made a picture and withheld it.", stage="output")
    output = output_at(item.url, account, pictures, item.revised_prompt) if item.url else None
    return output or UnusableAnswer(f"{name} answered with an entry that holds no picture.")


def echo_of(fields: Fields) -> dict[str, str]:
    """What the provider says it used."""
    return {
        name: msgspec.json.decode(fields[name])
        for name in _ECHOED
        if name in fields and bytes(fields[name]).startswith(b'"')
    }
