"""`GET /playground`: the workbench for pictures and conversations, as far as it is known before its script runs.

Its script speaks the public API only. What stands in the address is filled in here, so that a link opens the page with
models, prompt, size and references chosen.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from penstock.api.capabilities import IMAGE_OPERATIONS
from penstock.api.models import Served, find_served, served
from penstock.core.call import Operation, Size
from penstock.core.errors import PenstockError
from penstock.pipeline.request import Reply
from penstock.web.visit import Visit

PRESETS = (
    ("1024x1024", "Square"),
    ("1152x896", "Landscape 5:4"),
    ("1216x832", "Landscape 3:2"),
    ("1344x768", "Wide 16:9"),
    ("896x1152", "Portrait 4:5"),
    ("832x1216", "Portrait 2:3"),
    ("768x1344", "Tall 9:16"),
    ("512x512", "Small square"),
    ("2048x2048", "Large square"),
)
"""Sizes offered by name; the script leaves those that the chosen models take."""
MOST_REFERENCES = 16
MOST_SEED = 2**31 - 1
_SANDBOX = "sandbox/image"
_LONGEST_PROMPT = 32_000
_MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """A model that can be chosen."""

    slug: str
    name: str
    maker: str
    providers: str
    chosen: bool


@dataclass(slots=True)
class Wanted:
    """What the address asks for, and what of it could not be had."""

    models: list[str] = field(default_factory=list)
    prompt: str = ""
    size: Size | None = None
    seed: int | None = None
    references: list[str] = field(default_factory=list)
    """Digests."""
    notes: list[str] = field(default_factory=list)


async def playground(visit: Visit) -> Reply:
    """`GET /playground`."""
    entries = list(served(visit.gateway, visit.incoming))
    painters = [entry for entry in entries if IMAGE_OPERATIONS.intersection(entry.operations)]
    talkers = [entry for entry in entries if Operation.CHAT in entry.operations]
    wanted = _wanted(visit)
    named = set(wanted.models)
    # A conversation is opened by a link that names nobody who makes pictures.
    chats = bool(named) and not named & {entry.model.slug for entry in painters}
    usual = "" if named and not chats else _usual(painters)
    return visit.page(
        "playground.html",
        title="Playground",
        wanted=wanted,
        chats=chats,
        painters=_choices(painters, named | {usual}),
        talkers=_choices(talkers, {_first(talkers, named)}),
        presets=PRESETS,
        most_references=MOST_REFERENCES,
        most_seed=MOST_SEED,
    )


def _choices(entries: Iterable[Served], chosen: set[str]) -> list[Choice]:
    found = [_choice(entry, entry.model.slug in chosen) for entry in entries]
    return sorted(found, key=lambda choice: (choice.maker.casefold(), choice.name.casefold()))


def _choice(entry: Served, chosen: bool) -> Choice:
    it = entry.model
    providers = dict.fromkeys(offer.provider for offer in entry.offers)
    return Choice(it.slug, it.name, it.maker, ", ".join(providers), chosen)


def _usual(painters: list[Served]) -> str:
    """The sandbox's, which costs nothing, where it can be called."""
    slugs = [entry.model.slug for entry in painters]
    return _SANDBOX if _SANDBOX in slugs else next(iter(slugs), "")


def _first(talkers: list[Served], named: set[str]) -> str:
    """A conversation is with one model."""
    slugs = [entry.model.slug for entry in talkers]
    return next((slug for slug in slugs if slug in named), next(iter(slugs), ""))


def _wanted(visit: Visit) -> Wanted:
    wanted = Wanted()
    try:
        pairs = parse_qsl(visit.incoming.query, max_num_fields=_MOST_FIELDS)
    except ValueError:
        wanted.notes.append("This address says too much, so nothing of it was used.")
        return wanted
    for name, value in pairs:
        match name:
            case "model":
                _take_model(visit, wanted, value)
            case "prompt":
                wanted.prompt = value[:_LONGEST_PROMPT]
            case "size" if value not in ("", "auto"):
                _take_size(wanted, value)
            case "seed" if value:
                _take_seed(wanted, value)
            case "reference":
                _take_reference(wanted, value)
    return wanted


def _take_model(visit: Visit, wanted: Wanted, name: str) -> None:
    try:
        slug = find_served(visit.gateway, visit.incoming, name).model.slug
    except PenstockError as error:
        wanted.notes.append(error.message)
    else:
        if slug not in wanted.models:
            wanted.models.append(slug)


def _take_size(wanted: Wanted, text: str) -> None:
    wanted.size = Size.parse(text)
    if wanted.size is None:
        wanted.notes.append(f"{text[:40]!r} is no size in pixels such as 1024x768, so each model chooses its own.")


def _take_seed(wanted: Wanted, text: str) -> None:
    if re.fullmatch(r"\d{1,10}", text, re.ASCII) and int(text) <= MOST_SEED:
        wanted.seed = int(text)
    else:
        wanted.notes.append(f"{text[:40]!r} is no seed from 0 to {MOST_SEED:,}, so each model draws its own.")


def _take_reference(wanted: Wanted, text: str) -> None:
    if re.fullmatch(r"[0-9a-f]{64}", text) is None:
        wanted.notes.append(f"{text[:40]!r} names no picture kept here.")
    elif text not in wanted.references and len(wanted.references) < MOST_REFERENCES:
        wanted.references.append(text)
