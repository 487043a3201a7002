"""A workload as an address and a form have it: short names, plain numbers, shares in percent.

What an address has that makes no sense becomes the default, and a note says so. The sums are not made here: a
`Workload` becomes the request that `/v1/quote/workload` takes.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlencode

from penstock.api.workloads import SamePictures, WorkloadRequest
from penstock.catalogue.sizes import CLASSES
from penstock.core.call import Operation, Size
from penstock.core.money import plain
from penstock.web.templating import number as shown_number

Kind = Literal["pictures", "chat", "embedding"]
KINDS: Mapping[Kind, str] = {"pictures": "Pictures", "chat": "Chat", "embedding": "Embedding"}
"""What can be calculated, and what it is called."""

PICTURES = (Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT)
AUTO = "auto"
"""A size or a quality that is left to the provider."""
OTHER = "other"
"""The size typed beside those that are there to be chosen."""

_HUNDRED = Decimal(100)
_LONGEST_SHOWN = 40
_STOPS = ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8")
"""Where a slider of a wide range can stand, for each power of ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number of the form."""

    name: str
    """As the address has it."""
    label: str
    least: int = 0
    most: int
    default: int
    percent: bool = False
    """A share, with four decimals at most."""
    hint: str = ""

    @property
    def stops(self) -> tuple[int, ...]:
        """Where its slider can stand; empty where that is every whole number."""
        if self.most <= _HUNDRED:
            return ()
        powers = [Decimal(10) ** power for power in range(len(str(self.most)))]
        steps = {int(power * Decimal(step)) for power in powers for step in _STOPS}
        return (self.least, *sorted(step for step in steps if self.least < step < self.most), self.most)

    def position(self, value: Decimal) -> int:
        """Where its slider stands for a value."""
        stops = self.stops
        return bisect_right(stops, value) - 1 if stops else int(value)


_DAY = Number(name="day", label="Requests a day", most=1_000_000, default=100)
_HITS = Number(
    name="hits",
    label="Answered from the cache, %",
    most=100,
    default=0,
    percent=True,
    hint="Requests that this gateway has answered before. They cost nothing.",
)
_TEXT_IN = Number(name="in", label="Tokens in", most=200_000, default=1000, hint="About four letters each.")

NUMBERS: Mapping[Kind, tuple[Number, ...]] = {
    "pictures": (
        _DAY,
        Number(name="n", label="Pictures a request", least=1, most=10, default=1),
        Number(
            name="edits",
            label="Edits among them, %",
            most=100,
            default=0,
            percent=True,
            hint="Requests that start from pictures of yours.",
        ),
        Number(name="refs", label="Reference pictures an edit", least=1, most=16, default=1),
        replace(_TEXT_IN, label="Tokens of the prompt", default=0),
        _HITS,
    ),
    "chat": (
        replace(_DAY, default=1000),
        _TEXT_IN,
        Number(
            name="cached",
            label="Of these cached by the provider, %",
            most=100,
            default=0,
            percent=True,
            hint="A beginning that many requests have in common. Many providers sell it for less.",
        ),
        Number(name="out", label="Tokens out", most=16_000, default=500),
        _HITS,
    ),
    "embedding": (replace(_DAY, default=1000), replace(_TEXT_IN, default=500), _HITS),
}
"""The numbers of each kind, in the order of the form."""

NAMES = frozenset(
    (*(each.name for numbers in NUMBERS.values() for each in numbers), "kind", "size", "free", "quality", "refsize")
)
"""Every name that a workload has in an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Many requests of one kind, as somebody described them."""

    kind: Kind
    numbers: Mapping[str, Decimal]
    """By name; shares are in percent."""
    size: str = AUTO
    """Pixels, a size class, or `auto`."""
    quality: str = AUTO
    refsize: str = "1024x1024"
    """Of the reference pictures."""

    def share(self, name: str) -> Decimal:
        """A share from 0 to 1."""
        return self.numbers.get(name, Decimal(0)) / _HUNDRED

    def count(self, name: str) -> int:
        return int(self.numbers.get(name, 0))

    def request(self, model: str) -> WorkloadRequest:
        """As `/v1/quote/workload` takes it."""
        common: dict[str, Any] = {"requests_per_day": self.count("day"), "cache_hit_share": self.share("hits")}
        if self.kind == "embedding":
            return WorkloadRequest(
                model=model,
                operation="embedding",
                input_tokens=self.count("in"),
                **common,
            )
        if self.kind == "chat":
            return WorkloadRequest(
                model=model,
                operation="chat",
                input_tokens=self.count("in"),
                cached_input_share=self.share("cached"),
                output_tokens=self.count("out"),
                **common,
            )
        edits = self.share("edits")
        return WorkloadRequest(
            model=model,
            operation="image_edit" if edits == 1 else "image_generation",
            input_tokens=self.count("in"),
            images=self.count("n"),
            size=None if self.size == AUTO else self.size,
            quality=None if self.quality == AUTO else self.quality,
            references=SamePictures(count=self.count("refs"), size=self.refsize) if edits else [],
            edits_share=edits,
            **common,
        )


def read_workload(
    query: Mapping[str, str], kind: Kind, default: Workload, sizes: Sequence[str], qualities: Sequence[str]
) -> tuple[Workload, list[str]]:
    """The workload of an address, and what is to be said of values that made no sense.

    `default` is what holds where the address says nothing; any pixel size may be asked beside `sizes`.
    """
    notes: list[str] = []
    numbers = {each.name: _number(query.get(each.name), each, default, notes) for each in NUMBERS[kind]}
    if kind != "pictures":
        return Workload(kind=kind, numbers=numbers), notes
    return (
        Workload(
            kind=kind,
            numbers=numbers,
            size=_size(query, default.size, sizes, notes),
            quality=_quality(query.get("quality"), default.quality, qualities, notes),
            refsize=_refsize(query.get("refsize"), default.refsize, notes),
        ),
        notes,
    )


def plain_workload(kind: Kind, **changed: int | str) -> Workload:
    """A workload of a kind as the form begins, with some of it changed."""
    numbers = {each.name: Decimal(changed.pop(each.name, each.default)) for each in NUMBERS[kind]}
    return Workload(kind=kind, numbers=numbers, **{name: str(value) for name, value in changed.items()})


def parameters(workload: Workload, default: Workload) -> dict[str, str]:
    """What an address must say of a workload; what is as it begins is left out."""
    said = {name: plain(value) for name, value in workload.numbers.items() if value != default.numbers.get(name)}
    for name in ("size", "quality", "refsize"):
        if getattr(workload, name) != getattr(default, name):
            said[name] = getattr(workload, name)
    return said


def address(path: str, *parts: Mapping[str, str]) -> str:
    """A path with parameters."""
    text = urlencode([pair for part in parts for pair in part.items()], safe=":,/")
    return f"{path}?{text}" if text else path


def _number(text: str | None, number: Number, default: Workload, notes: list[str]) -> Decimal:
    otherwise = default.numbers[number.name]
    if text is None:
        return otherwise
    decimals = r"(\.\d{1,4})?" if number.percent else ""
    bare = re.sub(r"(?<=\d)[,_ ](?=\d)", "", text.strip())
    if re.fullmatch(rf"\d{{1,9}}{decimals}", bare, re.ASCII) and number.least <= Decimal(bare) <= number.most:
        return Decimal(bare)
    kind = "a number" if number.percent else "a whole number"
    given = f"“{_short(text)}”" if text.strip() else "nothing"
    notes.append(
        f"{number.label.removesuffix(', %')}: {given} is not {kind} from {number.least} to "
        f"{shown_number(number.most)}, so {shown_number(otherwise)} is used."
    )
    return otherwise


def _size(query: Mapping[str, str], default: str, sizes: Sequence[str], notes: list[str]) -> str:
    text = query.get("size", default).strip()
    if text == OTHER:
        text = query.get("free", "").strip()
    if text in sizes or text == AUTO:
        return text
    if text.upper() in CLASSES:
        return text.upper()
    parsed = Size.parse(text)
    if parsed is not None:
        return str(parsed)
    notes.append(
        f"Size: {f'“{_short(text)}”' if text else 'nothing'} is no size; write it like 1024x1024. "
        f"{'What the provider chooses' if default == AUTO else default} is used."
    )
    return default


def _refsize(text: str | None, default: str, notes: list[str]) -> str:
    parsed = Size.parse(text or default)
    if parsed is not None:
        return str(parsed)
    notes.append(
        f"Size of the reference pictures: “{_short(text or '')}” is no size; write it like 1024x1024. "
        f"{default} is used."
    )
    return default


def _quality(text: str | None, default: str, qualities: Sequence[str], notes: list[str]) -> str:
    if text is None or text in (AUTO, "") or text in qualities:
        return text or default
    there = f"there are {', '.join(qualities)}" if qualities else "this model has no such setting"
    notes.append(f"Quality: “{_short(text)}” is not known here; {there}.")
    return default


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
