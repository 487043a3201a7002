"""The bytes sent and answered: a chat, a stream, pictures of noise, and forms with references.

Everything is drawn from fixed seeds, so two runs move the same bytes.
"""

import base64
import json
import random
import struct
import zlib
from collections.abc import Iterable, Mapping

MEGABYTE = 1024 * 1024
EVENTS = 40
"""Chunks of text in one stream."""
EVENT_BYTES = 256
"""Length of each of them on the wire, so that the mock can send them one write at a time."""
_BOUNDARY = "penstock-benchmark-boundary"
_USAGE = {"prompt_tokens": 21, "completion_tokens": 160, "total_tokens": 181}


def noise_png(width: int, height: int, seed: int) -> bytes:
    """A valid RGB picture that does not compress: about `width * height * 3` bytes."""
    dice = random.Random(seed)
    rows = b"".join(b"\0" + dice.randbytes(width * 3) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 0)) + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def completion() -> bytes:
    """A chat completion of 1 KB, with its usage."""
    message = {"role": "assistant", "content": ""}
    reply = {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": 1767225600,
        "model": "chat",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _USAGE,
    }
    spare = 1024 - len(json.dumps(reply))
    message["content"] = ("A penstock carries water to the wheel. " * 40)[:spare]
    return json.dumps(reply).encode()


def stream() -> bytes:
    """`EVENTS` chunks of text of `EVENT_BYTES` each, a last one with the usage, and the end mark."""
    chunks = [_event({"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": None}]})] * EVENTS
    usage = _event({"choices": [], "usage": _USAGE})
    return b"".join([*chunks, usage, b"data: [DONE]\n\n"])


def _event(fields: dict[str, object]) -> bytes:
    chunk = {"id": "chatcmpl-benchmark", "object": "chat.completion.chunk", "created": 1767225600, "model": "chat"}
    text = f"data: {json.dumps(chunk | fields)}\n\n"
    padding = "w" * (EVENT_BYTES - len(text))
    return text.replace('"content": ""', f'"content": "{padding}"').encode()


def picture_reply(picture: bytes) -> bytes:
    """An OpenAI image reply around one picture."""
    data = [{"b64_json": base64.b64encode(picture).decode()}]
    return json.dumps({"created": 1767225600, "data": data}).encode()


def data_url(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def form(fields: Mapping[str, str], pictures: Iterable[bytes]) -> tuple[bytes, str]:
    """A multipart form with the pictures as `image[]`, and its content type."""
    parts = [
        f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for number, picture in enumerate(pictures):
        head = (
            f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="image[]"; filename="{number}.png"\r\n'
            "content-type: image/png\r\n\r\n"
        )
        parts.append(head.encode() + picture + b"\r\n")
    return b"".join([*parts, f"--{_BOUNDARY}--\r\n".encode()]), f"multipart/form-data; boundary={_BOUNDARY}"
