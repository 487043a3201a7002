"""Code that calls a model through this gateway, as a reader copies it: curl, Python and JavaScript.

The key is read from the environment variable `PENSTOCK_API_KEY`, so that what is copied holds no secret. Tests run what
is made here.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import dedent

from penstock.api.workloads import stand_in
from penstock.catalogue.capability import refusal
from penstock.core.call import ImageCall, Operation, Size
from penstock.core.target import Model, Offer

PROMPT = "a lighthouse at dusk, waves, warm light"
_EDIT = "make it night, with a full moon"
_QUESTION = "Name three lighthouses."
_KEY = 'os.environ["PENSTOCK_API_KEY"]'


@dataclass(frozen=True, slots=True)
class CodeSample:
    """One way to call it."""

    title: str
    language: str
    """`bash`, `python` or `javascript`."""
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the code is about."""

    model: str
    base: str
    """The gateway's address, with `/v1`."""
    size: str | None
    """One this model takes; None: it chooses."""


def code_samples(model: Model, offers: Sequence[Offer], base: str) -> list[CodeSample]:
    """The code for the first thing these offers do; none where no endpoint of this gateway is for them."""
    operation, offer = usual_call(offers)
    if operation is None or offer is None:
        return []
    told = Told(model.slug, f"{base}/v1", usual_size(model, offer, operation))
    return [CodeSample(title, language, make(told)) for title, language, make in _SAMPLES[operation]]


def usual_call(offers: Sequence[Offer]) -> tuple[Operation | None, Offer | None]:
    """What is shown: making pictures, else editing them, else chat, else vectors; and the first offer that does it."""
    for operation in (Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT, Operation.CHAT, Operation.EMBEDDING):
        for offer in offers:
            if operation in offer.operations:
                return operation, offer
    return None, None


def usual_size(model: Model, offer: Offer, operation: Operation) -> str | None:
    """1024x1024, else the first size that is taken; None where no pixel size is."""
    count = max(1, offer.limits.min_references) if operation is Operation.IMAGE_EDIT else offer.limits.min_references
    references = (stand_in(Size(1024, 1024)),) * count
    for text in ("1024x1024", *offer.limits.sizes):
        size = Size.parse(text)
        call = ImageCall(model=model.slug, prompt=PROMPT, size=size, references=references)
        if size is not None and refusal(call, offer, model) is None:
            return text
    return None


def _json(told: Told, **fields: object) -> str:
    """A body for the shell, in single quotes: a quote in it would end them."""
    given = {"model": told.model, **{name: value for name, value in fields.items() if value is not None}}
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in given.items())
    text = f"{{\n{lines}\n  }}"
    return text.replace("'", "'\\''")


def _curl(told: Told, path: str, body: str) -> str:
    return (
        f"curl {told.base}/{path} \\\n"
        '  -H "Authorization: Bearer $PENSTOCK_API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'"
    )


def _arguments(pairs: Sequence[tuple[str, str | None]]) -> str:
    """Keyword arguments in Python, each on a line; those that are None are left out."""
    return "\n".join(f"    {name}={value}," for name, value in pairs if value is not None)


def _fields(told: Told, call: str, picture: str, messages: str) -> list[tuple[str, str | None]]:
    """What a call is given, as both languages write it but for how a file is opened and a message written."""
    further: dict[str, list[tuple[str, str | None]]] = {
        "images.generate": [("prompt", _quoted(PROMPT)), ("size", _quoted(told.size))],
        "images.edit": [("image", picture), ("prompt", _quoted(_EDIT)), ("size", _quoted(told.size))],
        "chat.completions.create": [("messages", messages)],
        "embeddings.create": [("input", _quoted(PROMPT))],
    }
    return [("model", _quoted(told.model)), *further[call]]


def _quoted(text: str | None) -> str | None:
    return None if text is None else json.dumps(text)


def _curl_generate(told: Told) -> str:
    """The answer has the picture's address, which is easier to look at in a terminal than the picture itself."""
    return _curl(told, "images/generations", _json(told, prompt=PROMPT, size=told.size, response_format="url"))


def _curl_edit(told: Told) -> str:
    size = f"  -F size={told.size} \\\n" if told.size else ""
    return (
        f"curl {told.base}/images/edits \\\n"
        '  -H "Authorization: Bearer $PENSTOCK_API_KEY" \\\n'
        f"  -F model={told.model} \\\n"
        f'  -F prompt="{_EDIT}" \\\n'
        f"{size}  -F response_format=url \\\n"
        "  -F image=@photo.png"
    )


def _curl_chat(told: Told) -> str:
    return _curl(told, "chat/completions", _json(told, messages=[{"role": "user", "content": _QUESTION}]))


def _curl_embed(told: Told) -> str:
    return _curl(told, "embeddings", _json(told, input=PROMPT))


def _python(client: str, call: str, end: str) -> Callable[[Told], str]:
    """A program for one of the two clients: how it is imported, what it calls, and what is done with the answer."""
    library, name = client.split(".")
    imports = ("import base64\n" if "base64" in end else "") + "import os\n"

    def made(told: Told) -> str:
        messages = f'[{{"role": "user", "content": {_quoted(_QUESTION)}}}]'
        arguments = _arguments(_fields(told, call, 'open("photo.png", "rb")', messages))
        return (
            f"{imports}\nfrom {library} import {name}\n\n"
            f"client = {name}(base_url={_quoted(told.base)}, api_key={_KEY})\n"
            f"answer = client.{call}(\n{arguments}\n)\n{end}"
        )

    return made


_WRITE = dedent("""\
    with open("picture.png", "wb") as file:
        file.write(base64.b64decode(answer.data[0].b64_json))
    """).rstrip()
_ANSWER = "print(answer.choices[0].message.content)"
_VECTOR = "print(len(answer.data[0].embedding))"


def _javascript(call: str) -> Callable[[Told], str]:
    def made(told: Told) -> str:
        messages = f'[{{ role: "user", content: {_quoted(_QUESTION)} }}]'
        lines = _fields(told, call, 'createReadStream("photo.png")', messages)
        fields = "\n".join(f"  {name}: {value}," for name, value in lines if value is not None)
        reads = 'import { createReadStream } from "node:fs";\n' if call == "images.edit" else ""
        writes = 'import { writeFile } from "node:fs/promises";\n' if call.startswith("images") else ""
        end = {
            "images": 'await writeFile("picture.png", Buffer.from(answer.data[0].b64_json, "base64"));',
            "chat": "console.log(answer.choices[0].message.content);",
            "embeddings": "console.log(answer.data[0].embedding.length);",
        }[call.split(".")[0]]
        return (
            f'{reads}{writes}import OpenAI from "openai";\n\n'
            f"const client = new OpenAI({{ baseURL: {_quoted(told.base)}, apiKey: process.env.PENSTOCK_API_KEY }});\n"
            f"const answer = await client.{call}({{\n{fields}\n}});\n{end}"
        )

    return made


_Row = tuple[str, str, Callable[[Told], str]]


def _rows(curl: Callable[[Told], str], call: str, end: str) -> tuple[_Row, ...]:
    agentcc = ("Python, agentcc", "python", _python("agentcc.AgentCC", call, end))
    return (
        ("curl", "bash", curl),
        ("Python, openai", "python", _python("openai.OpenAI", call, end)),
        *([] if call == "images.edit" else [agentcc]),  # which has no edits
        ("JavaScript, openai", "javascript", _javascript(call)),
    )


_SAMPLES: dict[Operation, tuple[_Row, ...]] = {
    Operation.IMAGE_GENERATION: _rows(_curl_generate, "images.generate", _WRITE),
    Operation.IMAGE_EDIT: _rows(_curl_edit, "images.edit", _WRITE),
    Operation.CHAT: _rows(_curl_chat, "chat.completions.create", _ANSWER),
    Operation.EMBEDDING: _rows(_curl_embed, "embeddings.create", _VECTOR),
}
