"""The sandbox's embeddings: vectors made from a hash of each input's words.

Pure. Reads the OpenAI body of an embedding call and builds the `data` array of its answer.
"""

import hashlib
import math
import re
import struct
from typing import Any

import msgspec
import pybase64

from penstock.core.errors import BadRequest
from penstock.core.usage import Usage
from penstock.providers.sandbox_text import Body, field, tokens, within

_MOST_INPUTS = 2048
_MOST_DIMENSIONS = 3072
_DIMENSIONS = 256
_WORDS_HASHED = 256
Json = Any
"""A decoded JSON value; only looked at behind `isinstance`."""


def embed(body: Body) -> tuple[msgspec.Raw, Usage]:
    """The `data` array of an embedding call and its tokens.

    The vectors have length one, the same for the same input; inputs that share words point in similar directions.
    """
    inputs = inputs_in(body)
    dimensions = within(field(body, "dimensions", int, _DIMENSIONS), "dimensions", _MOST_DIMENSIONS)
    encoding = field(body, "encoding_format", str, "float")
    if encoding not in ("float", "base64"):
        raise BadRequest("`encoding_format` must be float or base64.", param="encoding_format")
    data = []
    for index, one in enumerate(inputs):
        packed = struct.pack(f"<{dimensions}f", *_vector(one, dimensions))
        numbers = (
            pybase64.b64encode(packed).decode() if encoding == "base64" else struct.unpack(f"<{dimensions}f", packed)
        )
        data.append({"object": "embedding", "index": index, "embedding": numbers})
    used = sum(tokens(len(one)) if isinstance(one, str) else len(one) for one in inputs)
    return msgspec.Raw(msgspec.json.encode(data)), Usage(text_tokens_in=used)


def inputs_in(body: Body) -> list[str | list[int]]:
    """The inputs of an embedding call: texts, or lists of token numbers. Raises BadRequest for anything else."""
    given: Json = field(body, "input", object, None)
    if isinstance(given, list) and given and all(_is_token(item) for item in given):
        given = [given]
    inputs = given if isinstance(given, list) else [given]
    if not inputs or not all(_is_input(item) for item in inputs):
        raise BadRequest("`input` must be text, a list of texts, or lists of tokens; none empty.", param="input")
    if len(inputs) > _MOST_INPUTS:
        raise BadRequest(f"`input` has {len(inputs)} entries; at most {_MOST_INPUTS} are taken.", param="input")
    return inputs


def _is_token(item: Json) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)


def _is_input(item: Json) -> bool:
    if isinstance(item, list):
        return bool(item) and all(_is_token(token) for token in item)
    return isinstance(item, str) and bool(item)


def _vector(one: str | list[int], dimensions: int) -> list[float]:
    """Each word adds to eight places that its hash chooses; a faint hash of the whole tells orders apart."""
    words = re.findall(r"\w+", one.lower()) if isinstance(one, str) else [str(token) for token in one]
    whole = hashlib.shake_256(repr(one).encode("utf-8", "surrogatepass")).digest(dimensions)
    faint = 0.3 * math.sqrt(8 * min(len(words), _WORDS_HASHED) + 1) / math.sqrt(dimensions) / 74
    numbers = [(byte - 127.5) * faint for byte in whole]
    for word in words[:_WORDS_HASHED]:
        digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
        for place in struct.unpack(">8I", digest):
            numbers[(place >> 1) % dimensions] += 1 if place & 1 else -1
    length = math.sqrt(math.fsum(number * number for number in numbers))
    return [number / length for number in numbers]
