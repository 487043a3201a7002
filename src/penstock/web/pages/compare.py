"""`GET /compare`: up to six models side by side, what differs between them, and what a workload costs at each.

Everything asked for is in the address. Whoever may ask for pictures can send one prompt to all of them from here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import parse_qsl

from markupsafe import Markup

from penstock.api.workloads import workload_answer
from penstock.catalogue.search import Catalogue
from penstock.catalogue.sizes import CLASSES
from penstock.core.call import Operation
from penstock.core.principal import Scope
from penstock.core.target import Model
from penstock.pipeline.request import Reply
from penstock.web.charts import Chart, share_bar
from penstock.web.models.cards import measured_here, prices
from penstock.web.models.choices import Choices, choices
from penstock.web.models.index import Entry, Index, index_of
from penstock.web.templating import environment, megapixels
from penstock.web.visit import Visit
from penstock.web.workloads.choices import kinds_of
from penstock.web.workloads.comparison import Column, Group, compared
from penstock.web.workloads.cost_curve import cost_curve
from penstock.web.workloads.form import (
    AUTO,
    NUMBERS,
    Kind,
    Number,
    Workload,
    address,
    parameters,
    plain_workload,
    read_workload,
)

PATH = "/compare"
MOST = 6
SIZES = ("512", "1K", "2K", "4K", "1024x1024", "1536x1024", "2048x2048", AUTO)
"""To choose from; classes of size come first, for every model has its own pixels for them."""
_CLASSES = {name: f", about {megapixels(side**2)}" for name, side in CLASSES.items()}
_ASKED: Mapping[Kind, tuple[str, ...]] = {
    "pictures": ("day", "edits"),
    "chat": ("day", "in", "out"),
    "embedding": ("day", "in"),
}
"""The numbers of a workload that are asked for here."""
_LONGEST = 200
_CHOICES = "model-choices"
_PAIRS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A model at the head of its column."""

    entry: Entry
    remove: str
    """The address without it."""
    run: Operation | None
    """What one prompt asks of it; None where it cannot be called with one by this visitor."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What the workload costs a month at one model."""

    name: str
    amount: Decimal | None
    bar: Markup | None
    words: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models worth comparing."""

    one: Entry
    other: Entry
    address: str
    prices: tuple[str, str]


async def compare(visit: Visit) -> Reply:
    """`GET /compare`."""
    query = dict(parse_qsl(visit.incoming.query, keep_blank_values=True))
    gateway = visit.gateway
    index = await index_of(gateway, visit.incoming)
    entries, notes = _entries(visit, index, query)
    found = choices(query.get("find", ""), index, gateway.catalogue)
    asked = {kind: _workload(kind, query) for kind in _kinds(entries, visit)}
    workloads = {kind: workload for kind, (workload, _) in asked.items()}
    said = {name: value for workload in workloads.values() for name, value in _said(workload).items()}
    slugs = [entry.model.slug for entry in entries]
    links = _choice_links(found, slugs, said)
    if visit.is_swap and visit.incoming.headers.get("hx-target") == _CHOICES:
        html = environment().get_template("model_choices.html").render(choices=found, links=links)
        return visit.sent(html.encode())
    columns = [_column(visit, entry, workloads) for entry in entries]
    groups = compared(columns, gateway.catalogue, measured_here(gateway))
    only = query.get("only") == "differences" and len(entries) > 1
    return visit.page(
        "compare.html",
        title="Compare models",
        notes=[*notes, *dict.fromkeys(note for _, said_of in asked.values() for note in said_of)],
        models=[_compared(visit, entry, slugs, said) for entry in entries],
        slugs=slugs,
        most=MOST,
        groups=_differing(groups) if only else groups,
        only=only,
        all_address=_address(slugs, said),
        only_address=_address(slugs, {**said, "only": "differences"}),
        fields=_fields(workloads),
        size=workloads["pictures"].size if "pictures" in workloads else None,
        sizes=SIZES,
        classes=_CLASSES,
        curve=_curve(columns),
        bars=_bars(columns),
        choices=found,
        links=links,
        pairs=_pairs(index, gateway.catalogue) if not entries else (),
        may_run=visit.may(Scope.INFERENCE) and any(_run(visit, entry) for entry in entries),
    )


def _entries(visit: Visit, index: Index, query: Mapping[str, str]) -> tuple[list[Entry], list[Markup]]:
    """The models asked for, and what is to be said of names that are none."""
    catalogue = visit.gateway.catalogue
    names = [name.strip()[:_LONGEST] for name in query.get("models", "").split(",") if name.strip()]
    models: dict[str, Model] = {}
    notes: list[Markup] = []
    for name in names[: 4 * MOST]:
        model = catalogue.find(name)
        if model is not None:
            models[model.slug] = model
        else:
            notes.append(_unknown(name, names, catalogue.nearest(name)))
    if len(models) > MOST or len(names) > 4 * MOST:
        left = ", ".join(model.name for model in list(models.values())[MOST:])
        notes.append(Markup("At most {} models fit side by side; left out: {}.").format(MOST, left or "the rest"))
    return [index.entries[slug] for slug in list(models)[:MOST]], notes


def _unknown(name: str, names: Sequence[str], near: Sequence[str]) -> Markup:
    links = Markup(" or ").join(
        Markup('<a href="{}">{}</a>').format(_address([slug if each == name else each for each in names], {}), slug)
        for slug in near
    )
    return Markup("There is no model “{}”.{}").format(name, Markup(" Did you mean {}?").format(links) if near else "")


def _kinds(entries: Sequence[Entry], visit: Visit) -> list[Kind]:
    return list(dict.fromkeys(_kind(entry, visit) for entry in entries))


def _kind(entry: Entry, visit: Visit) -> Kind:
    return kinds_of(entry.model, visit.gateway.catalogue.offers(entry.model.slug))[0]


def _default(kind: Kind) -> Workload:
    return plain_workload(kind, day=1000, **({"size": "1K"} if kind == "pictures" else {}))


def _workload(kind: Kind, query: Mapping[str, str]) -> tuple[Workload, list[str]]:
    asked = {name: value for name, value in query.items() if name in (*_ASKED[kind], "size", "free")}
    return read_workload(asked, kind, _default(kind), SIZES, ())


def _said(workload: Workload) -> dict[str, str]:
    return parameters(workload, _default(workload.kind))


def _fields(workloads: Mapping[Kind, Workload]) -> list[tuple[Number, Decimal]]:
    """The numbers to be typed, each once."""
    found = {
        number.name: (number, workload.numbers[number.name])
        for kind, workload in workloads.items()
        for number in NUMBERS[kind]
        if number.name in _ASKED[kind]
    }
    return list(found.values())


def _column(visit: Visit, entry: Entry, workloads: Mapping[Kind, Workload]) -> Column:
    """A model with what the workload costs; where nobody takes the size, at the size each provider chooses."""
    kind, slug = _kind(entry, visit), entry.model.slug
    workload = workloads[kind]
    answer = workload_answer(visit.gateway, workload.request(slug))
    if workload.size == AUTO or any(offer.able for offer in answer.offers):
        return Column(entry=entry, kind=kind, answer=answer)
    own = workload_answer(visit.gateway, replace(workload, size=AUTO).request(slug))
    if not any(offer.able for offer in own.offers):
        return Column(entry=entry, kind=kind, answer=answer)
    return Column(entry=entry, kind=kind, answer=own, own_size=True)


def _compared(visit: Visit, entry: Entry, slugs: Sequence[str], said: Mapping[str, str]) -> Compared:
    others = [slug for slug in slugs if slug != entry.model.slug]
    return Compared(entry=entry, remove=_address(others, said), run=_run(visit, entry))


def _run(visit: Visit, entry: Entry) -> Operation | None:
    """What a prompt alone can ask of a model here."""
    if visit.principal is None or not visit.principal.may_call(entry.model.slug):
        return None
    able = {operation for sold in entry.sold if sold.here for operation in sold.offer.operations}
    return next((each for each in (Operation.IMAGE_GENERATION, Operation.CHAT) if each in able), None)


def _differing(groups: Sequence[Group]) -> list[Group]:
    kept = [Group(group.name, tuple(row for row in group.rows if row.differs)) for group in groups]
    return [group for group in kept if group.rows]


def _curve(columns: Sequence[Column]) -> Chart | None:
    drawn = [(column.entry.model, column.offers) for column in columns if column.kind == "pictures"]
    return cost_curve(drawn) if drawn else None


def _bars(columns: Sequence[Column]) -> list[Bar]:
    """The workload's cost at each model, beside the dearest."""
    months = [column.cost.per_month_usd if column.cost else None for column in columns]
    most = max((month for month in months if month), default=None)
    return [_bar(column, month, most) for column, month in zip(columns, months, strict=True)]


def _bar(column: Column, month: Decimal | None, most: Decimal | None) -> Bar:
    name = column.entry.model.name
    if month is None:
        return Bar(name, None, None, column.why_not)
    return Bar(name, month, share_bar(float(month / most) if most else 0.0), column.remark)


def _choice_links(found: Choices, slugs: Sequence[str], said: Mapping[str, str]) -> list[tuple[Entry, str]]:
    """The models found, each with the address that has it beside those that are there."""
    return [
        (entry, _address([*slugs, entry.model.slug][-MOST:], said))
        for entry in found.found
        if entry.model.slug not in slugs
    ]


def _pairs(index: Index, catalogue: Catalogue) -> list[Pair]:
    """Models of pictures, each once, beside the one of another maker that is most like it; the best rated first."""
    real = [entry for entry in index.entries.values() if _makes_priced_pictures(entry, catalogue)]
    left = {entry.model.slug for entry in real}
    pairs: list[Pair] = []
    for one in sorted(real, key=lambda entry: (-(entry.rating or 0), not entry.here, entry.place)):
        if len(pairs) == _PAIRS:
            break
        near = (entry for entry in index.similar(one, len(index.entries)) if entry.model.slug in left)
        other = next((entry for entry in near if entry.model.maker != one.model.maker), None)
        if one.model.slug in left and other is not None:
            both = (one.model.slug, other.model.slug)
            left.difference_update(both)
            pairs.append(Pair(one, other, _address(both, {}), (prices(one)[0], prices(other)[0])))
    return pairs


def _makes_priced_pictures(entry: Entry, catalogue: Catalogue) -> bool:
    """Whether somebody other than the sandbox sells pictures of it."""
    real = any(catalogue.providers[sold.offer.provider].adapter != "sandbox" for sold in entry.sold)
    return real and entry.picture is not None and "image" in entry.model.output_modalities


def _address(slugs: Sequence[str], said: Mapping[str, str]) -> str:
    return address(PATH, {"models": ",".join(slugs)} if slugs else {}, said)
