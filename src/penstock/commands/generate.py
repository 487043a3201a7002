"""`penstock generate`: a picture from the command line, through a gateway's own front door.

Without an address a gateway is started for the one request, on a free port of this machine and the data directory, so
that what is made this way is metered, kept and recorded like everything else.
"""

import asyncio
import json
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pybase64
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from penstock.commands.own_gateway import address_of, own_gateway
from penstock.core.errors import BadRequest, PenstockError, Unavailable
from penstock.core.money import plain
from penstock.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be made, and where it goes."""

    model: str
    prompt: str
    size: str | None
    n: int
    seed: int | None
    references: tuple[Path, ...]
    out: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made."""

    files: tuple[Path, ...]
    cost: Decimal | None
    """US dollars; None where the model is unpriced."""
    provider: str
    seeds: tuple[int | None, ...]
    errors: tuple[str, ...]
    """A sentence for each picture that was asked for and did not come."""

    def facts(self) -> dict[str, Any]:
        return {
            "files": [str(file) for file in self.files],
            "cost_usd": self.cost,
            "provider": self.provider,
            "seeds": list(self.seeds),
            "errors": list(self.errors),
        }

    def sentence(self) -> str:
        cost = "unpriced" if self.cost is None else f"${plain(self.cost)}"
        made = f"{', '.join(str(file) for file in self.files)}  ({cost}, {self.provider})"
        return "\n".join((made, *self.errors))


def generate_pictures(wish: Wish, url: str | None, key: str | None, settings: Callable[[], Settings]) -> Made:
    """Make the pictures and write them to files, with a progress bar in a terminal.

    Raises PenstockError with the gateway's own sentence where it refuses.
    """
    for reference in wish.references:
        if not reference.is_file():
            raise BadRequest(f"There is no file {reference}.")
    if url and not key:
        raise BadRequest("A running gateway needs a key: --key, or PENSTOCK_API_KEY.")
    terminal = Console(stderr=True)
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )
    with bar:
        bar.add_task(f"{wish.model} is drawing")
        return asyncio.run(_run(wish, url, key, settings))


async def _run(wish: Wish, url: str | None, key: str | None, settings: Callable[[], Settings]) -> Made:
    if url and key:
        return await _ask(wish, url, key)
    async with own_gateway(settings(), "penstock generate") as (own_url, own_key):
        return await _ask(wish, own_url, own_key)


async def _ask(wish: Wish, url: str, key: str) -> Made:
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"authorization": f"Bearer {key}"}
    address = address_of(url) + "/v1/images/"
    try:
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
            sending = (
                session.post(address + "edits", data=_form(wish))
                if wish.references
                else session.post(address + "generations", json=_fields(wish))
            )
            async with sending as response:
                body = json.loads(await response.read(), parse_float=Decimal)
                if response.status != 200:
                    raise PenstockError(body["error"]["message"], code=str(body["error"]["code"]))
                return _written(wish, body, response.headers.get("x-penstock-provider", ""))
    except aiohttp.ClientError as error:
        raise Unavailable(f"The gateway at {url} does not answer: {error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable(f"What answers at {url} is not a Penstock gateway.") from error


def _fields(wish: Wish) -> dict[str, Any]:
    fields = {"model": wish.model, "prompt": wish.prompt, "n": wish.n, "size": wish.size, "seed": wish.seed}
    return {name: value for name, value in fields.items() if value is not None}


def _form(wish: Wish) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in _fields(wish).items():
        form.add_field(name, str(value))
    for reference in wish.references:
        kind = mimetypes.guess_type(reference.name)[0] or "application/octet-stream"
        form.add_field("image[]", reference.read_bytes(), filename=reference.name, content_type=kind)
    return form


def _written(wish: Wish, body: dict[str, Any], provider: str) -> Made:
    files = []
    for number, entry in enumerate(body["data"]):
        stem = wish.out.stem if number == 0 else f"{wish.out.stem}-{number + 1}"
        file = wish.out.with_name(stem + _suffix(wish.out, entry["media_type"]))
        try:
            file.write_bytes(pybase64.b64decode(entry["b64_json"], validate=True))
        except OSError as error:
            raise Unavailable(f"{file} cannot be written: {error.strerror}.") from error
        files.append(file)
    cost = body["usage"]["cost"]
    return Made(
        files=tuple(files),
        cost=None if cost is None else Decimal(cost),
        provider=provider,
        seeds=tuple(entry.get("seed") for entry in body["data"]),
        errors=tuple(error["message"] for error in body.get("errors", [])),
    )


_SUFFIXES = {"image/png": (".png",), "image/jpeg": (".jpg", ".jpeg"), "image/webp": (".webp",), "image/gif": (".gif",)}


def _suffix(out: Path, media_type: str) -> str:
    """The suffix asked for, or the picture's own where that names another format: some models choose it themselves."""
    own = _SUFFIXES.get(media_type, ())
    asked = out.suffix.lower()
    names_a_format = any(asked in suffixes for suffixes in _SUFFIXES.values())
    return own[0] if own and names_a_format and asked not in own else out.suffix
