"""What is measured: one entry per kind of request, with the mock's answer and the target it is held to."""

import json
from dataclasses import dataclass

from benchmarks import payloads


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of request. The model asked for is `bench/NAME`, the mock's folder that answers it is `NAME`."""

    name: str
    title: str
    path: str
    """Below the version prefix: `/chat/completions`."""
    content_type: str
    body: bytes
    reply: bytes
    """What the mock answers."""
    picture: bytes | None = None
    """The picture in the reply, where there is one."""
    streams: bool = False
    target_cpu_ms: float | None = None
    """Most CPU the gateway may take for one request, milliseconds."""
    target_peak_mb: float | None = None
    """Most resident memory the gateway may take, megabytes of 2^20 bytes."""


def cases() -> tuple[Case, ...]:
    """Every case, in the order of the report."""
    small = payloads.noise_png(64, 64, seed=1)
    medium = payloads.noise_png(1024, 512, seed=2)
    large = payloads.noise_png(1024, 1536, seed=3)
    references = [payloads.noise_png(1024, 512, seed=10 + number) for number in range(4)]
    form, form_type = payloads.form({"model": "bench/edit-form", "prompt": _PROMPT, "n": "1"}, references)
    return (
        Case(
            name="chat",
            title="Chat, 1 KB answer",
            path="/chat/completions",
            content_type="application/json",
            body=_chat("bench/chat", stream=False),
            reply=payloads.completion(),
            target_cpu_ms=0.35,
        ),
        Case(
            name="stream",
            title=f"Chat, streamed, {payloads.EVENTS} events",
            path="/chat/completions",
            content_type="application/json",
            body=_chat("bench/stream", stream=True),
            reply=payloads.stream(),
            streams=True,
        ),
        Case(
            name="image-2mb",
            title="Image generation, 2 MB answer",
            path="/images/generations",
            content_type="application/json",
            body=_json({"model": "bench/image-2mb", "prompt": _PROMPT, "n": 1}),
            reply=payloads.picture_reply(medium),
            picture=medium,
            target_cpu_ms=4,
        ),
        Case(
            name="image-6mb",
            title="Image generation, 6 MB answer",
            path="/images/generations",
            content_type="application/json",
            body=_json({"model": "bench/image-6mb", "prompt": _PROMPT, "n": 1}),
            reply=payloads.picture_reply(large),
            picture=large,
            target_cpu_ms=10,
            target_peak_mb=400,
        ),
        Case(
            name="edit-form",
            title="Image edit, 4 references of 1.5 MB as a form (6 MB in)",
            path="/images/edits",
            content_type=form_type,
            body=form,
            reply=payloads.picture_reply(small),
            picture=small,
        ),
        Case(
            name="edit-json",
            title="Image edit, 4 references of 1.5 MB as data URLs (8 MB in)",
            path="/images/edits",
            content_type="application/json",
            body=_json({"model": "bench/edit-json", "prompt": _PROMPT, "n": 1, "images": _addresses(references)}),
            reply=payloads.picture_reply(small),
            picture=small,
        ),
    )


_PROMPT = "A mill by a river at dusk, the wheel turning"


def _chat(model: str, *, stream: bool) -> bytes:
    messages = [{"role": "user", "content": "How does water reach the wheel of a mill?"}]
    options: dict[str, object] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return _json({"model": model, "messages": messages, **options})


def _addresses(pictures: list[bytes]) -> list[dict[str, str]]:
    return [{"image_url": payloads.data_url(picture)} for picture in pictures]


def _json(fields: dict[str, object]) -> bytes:
    return json.dumps(fields).encode()
