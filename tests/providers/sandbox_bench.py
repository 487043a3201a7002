"""What the sandbox's tests drive it with: a workbench in memory, and calls."""

import hashlib
import io
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from PIL import Image

from penstock.core.answer import Answer, Event
from penstock.core.call import Call, ChatCall, EmbeddingCall, ImageCall, Operation
from penstock.core.picture import Picture
from penstock.core.target import Account, Offer, Provider
from penstock.providers.sandbox import Sandbox

T = TypeVar("T")
OFFER = Offer(model="sandbox/any", provider="sandbox", upstream="any", operations=frozenset(Operation))


class Workbench:
    """Runs at once, sleeps by taking note, and keeps pictures in a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.slept: list[float] = []

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        return work(*arguments)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def load(self, picture: Picture) -> bytes:
        return self.kept[picture.digest]

    async def store(self, data: bytes) -> Picture:
        digest = hashlib.sha256(data).hexdigest()
        self.kept[digest] = data
        with Image.open(io.BytesIO(data)) as image:
            return Picture(digest, Image.MIME[image.format or ""], *image.size, len(data))

    def keep(self, data: bytes, width: int, height: int) -> Picture:
        """A picture under the size its store says it has, whatever its bytes are."""
        digest = hashlib.sha256(data).hexdigest()
        self.kept[digest] = data
        return Picture(digest, "image/png", width, height, len(data))

    def image(self, picture: Picture | None) -> Image.Image:
        assert picture is not None
        image = Image.open(io.BytesIO(self.kept[picture.digest]))
        image.load()
        return image


def account(timeout: float = 600.0, **quirks: Any) -> Account:
    provider = Provider(slug="sandbox", name="Sandbox", adapter="sandbox", quirks=quirks)
    return Account(provider=provider, timeout=timeout)


def sandbox() -> Sandbox:
    """One whose fresh seed is 1234."""
    return Sandbox(fresh_seed=lambda: 1234)


async def events(call: Call, bench: Workbench | None = None, by: Account | None = None) -> list[Event]:
    return [event async for event in sandbox().perform(call, OFFER, by or account(), bench or Workbench())]


async def answer(call: Call, bench: Workbench | None = None, by: Account | None = None) -> Any:
    """The last event."""
    last: Answer | Any = (await events(call, bench, by))[-1]
    return last


def picture_call(**fields: Any) -> ImageCall:
    return ImageCall(**{"model": "sandbox/image", "prompt": "a lighthouse at dusk", "seed": 7, **fields})


def raw(fields: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def chat_call(said: Any = "Hello there", *, stream: bool = False, **fields: Any) -> ChatCall:
    body = {"model": "sandbox/text", "messages": [{"role": "user", "content": said}], **fields}
    return ChatCall(model="sandbox/text", body=raw(body), stream=stream)


def embedding_call(given: Any = "a lighthouse", **fields: Any) -> EmbeddingCall:
    return EmbeddingCall(model="sandbox/embedding", body=raw({"input": given, **fields}))


def encoded(image: Image.Image, format_: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_)
    return buffer.getvalue()
