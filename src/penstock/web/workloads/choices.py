"""What a model lets one choose for a workload: kinds, sizes, qualities, where the form begins, and named workloads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from penstock.api.workloads import stand_in
from penstock.catalogue.capability import refusal
from penstock.catalogue.sizes import CLASSES
from penstock.core.call import ImageCall, Operation, Size
from penstock.core.target import Model, Offer
from penstock.web.workloads.form import AUTO, KINDS, PICTURES, Kind, Workload, plain_workload

USUAL = ("512x512", "1024x768", "1024x1024", "1536x1024", "1024x1536", "2048x2048", "4096x2048")
"""Sizes that people ask for, smallest first."""
_MOST_SIZES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A workload with a name."""

    name: str
    words: str
    kind: Kind
    numbers: Mapping[str, int]
    sizes: tuple[str, ...] = ()
    """The first that the model takes counts; of none, the form's own."""


PRESETS = (
    Preset(
        name="Product shots",
        words="200 a day in a large size, three of four made from a photo",
        kind="pictures",
        numbers={"day": 200, "edits": 75, "refs": 1},
        sizes=("2048x2048", "2K", "1536x1024", "1024x1024"),
    ),
    Preset(
        name="Thumbnails for a shop",
        words="5,000 small pictures a day, a third from the cache",
        kind="pictures",
        numbers={"day": 5000, "hits": 33},
        sizes=("512x512", "512", "1024x1024", "1K"),
    ),
    Preset(
        name="Chat assistant",
        words="2,000 answers a day to long conversations",
        kind="chat",
        numbers={"day": 2000, "in": 3000, "cached": 60, "out": 400},
    ),
    Preset(
        name="Document summaries",
        words="300 documents a day of about 40 pages",
        kind="chat",
        numbers={"day": 300, "in": 20_000, "out": 800},
    ),
    Preset(
        name="Search index",
        words="20,000 paragraphs a day",
        kind="embedding",
        numbers={"day": 20_000, "in": 400},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chooser:
    """What there is to choose for one model and kind."""

    kind: Kind
    sizes: tuple[str, ...]
    """Pixel sizes and size classes that at least one offer takes."""
    qualities: tuple[str, ...]
    edits: bool
    """Whether an offer edits pictures."""
    default: Workload
    """Where the form begins."""

    def preset(self, preset: Preset) -> Workload:
        """A named workload as this model takes it."""
        numbers = {name: value for name, value in preset.numbers.items() if self.edits or name not in ("edits", "refs")}
        if preset.kind != "pictures":
            return plain_workload(preset.kind, **numbers)
        size = next((size for size in preset.sizes if size in self.sizes), self.default.size)
        return plain_workload("pictures", size=size, **{**_edits_only(self.default), **numbers})


def kinds_of(model: Model, offers: Iterable[Offer]) -> list[Kind]:
    """What can be calculated for a model: what its offers do, or else what it answers with."""
    operations = {operation for offer in offers for operation in offer.operations}
    found = {
        "pictures": not operations.isdisjoint(PICTURES) or (not operations and "image" in model.output_modalities),
        "chat": Operation.CHAT in operations or (not operations and "text" in model.output_modalities),
        "embedding": Operation.EMBEDDING in operations or (not operations and "embeddings" in model.output_modalities),
    }
    return [kind for kind in KINDS if found[kind]] or ["pictures"]


def chooser(model: Model, offers: Sequence[Offer], kind: Kind) -> Chooser:
    """What there is to choose."""
    if kind != "pictures":
        return Chooser(kind=kind, sizes=(), qualities=(), edits=False, default=plain_workload(kind))
    makes = [offer for offer in offers if not offer.operations.isdisjoint(PICTURES)]
    sizes = tuple(_sizes(model, makes))
    operations = {operation for offer in makes for operation in offer.operations}
    default = plain_workload("pictures", size=next((size for size in ("1024x1024", "1K") if size in sizes), AUTO))
    if operations and Operation.IMAGE_GENERATION not in operations:
        default = plain_workload("pictures", size=default.size, edits=100)
    named = (quality for offer in makes for quality in offer.limits.qualities if quality != AUTO)
    return Chooser(
        kind=kind,
        sizes=sizes,
        qualities=tuple(dict.fromkeys(named)),
        edits=Operation.IMAGE_EDIT in operations,
        default=default,
    )


def takes_size(size: str, offer: Offer, model: Model) -> bool:
    """Whether an offer makes pictures of a pixel size or a size class; who only edits is given pictures to edit."""
    generates = Operation.IMAGE_GENERATION in offer.operations
    count = offer.limits.min_references if generates else max(1, offer.limits.min_references)
    call = ImageCall(
        model=model.slug,
        prompt="",
        size=Size.parse(size),
        resolution=size if size in CLASSES else None,
        references=(stand_in(Size(1024, 1024)),) * count,
    )
    return refusal(call, offer, model) is None


def _sizes(model: Model, offers: Sequence[Offer]) -> list[str]:
    """Smallest first, and the classes after them."""
    own = [size for offer in offers for size in offer.limits.sizes]
    pixels = sorted({*USUAL, *own}, key=lambda text: size.pixels if (size := Size.parse(text)) else 0)
    native = [name for name in CLASSES if any(name in offer.limits.resolutions for offer in offers)]
    taken = [size for size in pixels if any(takes_size(size, offer, model) for offer in offers)]
    return [*taken[:_MOST_SIZES], *native]


def _edits_only(default: Workload) -> dict[str, int]:
    return {"edits": 100} if default.count("edits") == 100 else {}
