"""Server-sent events of the Images API: previews while a picture is made, then the picture.

Sources: OpenAI's API reference (`image_generation.*`, `image_edit.*`), OpenRouter's OpenAPI (the same, and `[DONE]`).
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from penstock.core.answer import Event, Output, PartialPicture, output_from_base64
from penstock.core.call import ImageCall
from penstock.core.errors import UnusableAnswer
from penstock.core.picture import Picture
from penstock.core.pieces import digest_in
from penstock.core.target import Account
from penstock.core.usage import Usage, summed
from penstock.providers.base import StreamEvent
from penstock.providers.openai_errors import Fields, opened_event, stated_failure
from penstock.providers.openai_images import echo_of, image_answer
from penstock.providers.openai_quirks import Quirks
from penstock.providers.openai_usage import image_usage, stated_cost


class _Frame(msgspec.Struct):
    """The part of a stream's event that says which it is."""

    type: str = ""
    partial_image_index: int = 0
    b64_json: str | None = None


class ImageReader:
    """Reads one stream of a generation or an edit."""

    def __init__(self, call: ImageCall, account: Account, quirks: Quirks) -> None:
        self._call = call
        self._account = account
        self._quirks = quirks
        self._outputs: list[Output] = []
        self._usage: list[Usage] = []
        self._costs: list[Decimal | None] = []
        self._last: Fields = {}
        self._answered = False

    def read(self, event: StreamEvent) -> list[Event]:
        """A PartialPicture for a preview; the ImageAnswer for the last picture. Raises what an error event means."""
        if self._answered:
            return []
        if event.data.strip() == b"[DONE]":
            return self._answer()
        fields = opened_event(self._account, event)
        try:
            frame = msgspec.json.decode(event.data, type=_Frame)
        except msgspec.DecodeError as error:
            raise UnusableAnswer(f"{self._account.provider.name} sent an event that is none.") from error
        kind = frame.type or event.event
        if kind == "error":
            raise stated_failure(self._account, event.data)
        if kind.endswith(".partial_image"):
            digest = digest_in(frame.b64_json or "")
            picture = event.pictures.get(digest or "")
            # A preview so small that it came inline is not worth storing.
            return [PartialPicture(index=frame.partial_image_index, picture=picture)] if picture else []
        return self._completed(fields, frame, event.pictures) if kind.endswith(".completed") else []

    def end(self) -> list[Event]:
        """Nothing after the ImageAnswer; without one, the answer of what came, or UnusableAnswer where nothing did."""
        return [] if self._answered else self._answer()

    def _completed(self, fields: Fields, frame: _Frame, pictures: Mapping[str, Picture]) -> list[Event]:
        if not frame.b64_json:
            raise UnusableAnswer(f"{self._account.provider.name} completed a picture without sending it.")
        self._outputs.append(output_from_base64(frame.b64_json, pictures))
        self._usage.append(image_usage(fields.get("usage")))
        self._costs.append(stated_cost(fields, self._quirks.cost_field, self._account.provider))
        self._last = fields
        return self._answer() if len(self._outputs) >= self._call.n else []

    def _answer(self) -> list[Event]:
        if not self._outputs:
            raise UnusableAnswer(f"{self._account.provider.name} ended the stream without a picture.")
        self._answered = True
        known = [cost for cost in self._costs if cost is not None]
        answer = image_answer(
            self._call,
            self._account,
            self._outputs,
            [],
            usage=summed(self._usage, gaps=True),
            stated_cost=sum(known, Decimal(0)) if known and len(known) == len(self._costs) else None,
            echo=echo_of(self._last),
        )
        return [answer]
