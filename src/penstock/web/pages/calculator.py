"""`GET /calculator`: what many requests of one kind cost at each provider of a model; a part of the model's page too.

The sums are those of `/v1/quote/workload`, by the same function. Everything asked for is in the address.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl

from markupsafe import Markup

from penstock.api.models import served
from penstock.api.quote_rows import QuoteLine
from penstock.api.workloads import WorkloadAnswer, WorkloadOffer, workload_answer
from penstock.core.money import plain
from penstock.core.target import Model
from penstock.pipeline.request import Reply
from penstock.pipeline.resolve import day_of
from penstock.web.models.choices import Choices, choices
from penstock.web.models.index import Entry, index_of
from penstock.web.templating import dollars, environment, number
from penstock.web.visit import Visit
from penstock.web.workloads.choices import PRESETS, Chooser, chooser, kinds_of
from penstock.web.workloads.form import (
    KINDS,
    NAMES,
    NUMBERS,
    PICTURES,
    Kind,
    Number,
    Workload,
    address,
    parameters,
    read_workload,
)

PATH = "/calculator"
ANSWER = "calculator-answer"
"""The part of the page that holds the sums."""
_CHOICES = "model-choices"
_OPERATIONS: Mapping[Kind, tuple[str, ...]] = {"pictures": PICTURES, "chat": ("chat",), "embedding": ("embedding",)}


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another state of the calculator."""

    name: str
    address: str
    current: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A number of the form with its value."""

    number: Number
    value: str
    position: int
    """Where its slider stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the workload costs at one provider."""

    offer: WorkloadOffer
    provider: str
    """Its name."""
    ends: date | None
    """The first day on which it cannot be called any more."""
    made_of: tuple[str, ...]
    """The average request: quantities and dollars."""

    @property
    def known(self) -> bool:
        return self.offer.able and self.offer.per_request_usd is not None

    @property
    def about(self) -> bool:
        """Whether the amount is an estimate."""
        return self.offer.certainty == "estimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculatorView:
    """What the parts `calculator_form.html` and `calculator_answer.html` show."""

    action: str
    """The form's address."""
    kept: tuple[tuple[str, str], ...]
    """What else that address says, as hidden fields."""
    chooses: bool
    """Whether another model can be chosen."""
    model: Model
    kinds: tuple[Link, ...]
    presets: tuple[Link, ...]
    fields: tuple[Field, ...]
    chooser: Chooser
    workload: Workload
    query: str
    """The workload in an address, without the model."""
    rows: tuple[Row, ...]
    """Those that can do it first, the least first."""
    best: Row | None
    """Of those that can be called here the cheapest, else of all; None where no amount is known."""
    notes: tuple[str, ...]
    today: date

    @property
    def free_size(self) -> bool:
        """Whether the size is none of those to choose from."""
        return self.workload.size not in ("auto", *self.chooser.sizes)


async def calculator(visit: Visit) -> Reply:
    """`GET /calculator`."""
    query = dict(parse_qsl(visit.incoming.query, keep_blank_values=True))
    target = visit.incoming.headers.get("hx-target", "") if visit.is_swap else ""
    model, notes = _model(visit, query)
    view = _view(visit, model, query, notes=notes, chooses=True)
    if target == ANSWER:
        html = environment().get_template("calculator_answer.html").render(calculator=view)
        return visit.sent(html.encode())
    found = Choices("")
    if query.get("find"):
        index = await index_of(visit.gateway, visit.incoming)
        found = choices(query["find"], index, visit.gateway.catalogue)
    links = _choice_links(found, view)
    if target == _CHOICES:
        html = environment().get_template("model_choices.html").render(choices=found, links=links)
        return visit.sent(html.encode())
    return visit.page("calculator.html", title="Calculator", calculator=view, choices=found, links=links)


async def calculator_view(visit: Visit, model: Model, query: Mapping[str, str]) -> CalculatorView:
    """The calculator of one model, for its own page, whose address has this query."""
    return _view(visit, model, query, notes=[], chooses=False)


def _view(visit: Visit, model: Model, query: Mapping[str, str], *, notes: list[str], chooses: bool) -> CalculatorView:
    catalogue = visit.gateway.catalogue
    offers = catalogue.offers(model.slug)
    kinds = kinds_of(model, offers)
    kind = next((each for each in kinds if each == query.get("kind", kinds[0])), None)
    if kind is None:
        kind = kinds[0]
        does = " and ".join(KINDS[each].lower() for each in kinds)
        notes.append(f"{model.name} does {does}, so that is what is calculated.")
    choose = chooser(model, offers, kind)
    workload, said = read_workload(query, kind, choose.default, choose.sizes, choose.qualities)
    answer = workload_answer(visit.gateway, workload.request(model.slug))
    edits = choose.edits or workload.count("edits") > 0
    rows = tuple(sorted(_rows(visit, model, answer), key=_order))
    other = {name: value for name, value in query.items() if name not in NAMES and name not in ("model", "find")}
    fixed = {"model": model.slug} if chooses else other
    kind_said = {"kind": kind} if kind != kinds[0] else {}
    return CalculatorView(
        action=visit.incoming.path,
        kept=tuple({**fixed, **kind_said}.items()),
        chooses=chooses,
        model=model,
        kinds=tuple(_kind_links(visit.incoming.path, fixed, kinds, kind)) if len(kinds) > 1 else (),
        presets=tuple(_preset_links(visit.incoming.path, fixed, kinds, choose, workload, chooses)),
        fields=tuple(_field(each, workload) for each in NUMBERS[kind] if edits or each.name not in ("edits", "refs")),
        chooser=choose,
        workload=workload,
        query=address("", {**kind_said, **parameters(workload, choose.default)}).removeprefix("?"),
        rows=rows,
        best=_best(rows, answer.cheapest),
        notes=(*notes, *said),
        today=day_of(visit.incoming),
    )


def _model(visit: Visit, query: Mapping[str, str]) -> tuple[Model, list[str]]:
    """The model asked for, else one that can be called here and does what is asked."""
    catalogue, name = visit.gateway.catalogue, query.get("model", "").strip()
    found = catalogue.find(name) if name else None
    if found is not None:
        return found, []
    asked = query.get("kind", "pictures")
    kind: Kind = next((each for each in KINDS if each == asked), "pictures")
    model = _usual_model(visit, kind)
    if not name:
        return model, []
    near = catalogue.nearest(name)
    links = Markup(" or ").join(
        Markup('<a href="{}">{}</a>').format(address(PATH, {"model": slug}), slug) for slug in near
    )
    hint = Markup(" Did you mean {}?").format(links) if near else ""
    return model, [Markup("There is no model “{}”, so {} is shown.{}").format(name[:100], model.name, hint)]


def _usual_model(visit: Visit, kind: Kind) -> Model:
    """Of the models that can be called for this the one that people rate highest, else the first."""
    catalogue = visit.gateway.catalogue
    wanted = _OPERATIONS[kind]
    able = [
        entry.model
        for entry in served(visit.gateway, visit.incoming)
        if any(operation in wanted for operation in entry.operations)
    ]
    rated = [model for model in able if catalogue.rating(model.slug, wanted[0]) is not None]
    if rated:
        return max(rated, key=lambda model: catalogue.rating(model.slug, wanted[0]) or 0)
    return able[0] if able else next(iter(catalogue.models.values()))


def _rows(visit: Visit, model: Model, answer: WorkloadAnswer) -> Iterator[Row]:
    providers = visit.gateway.catalogue.providers
    ends = {offer.id: offer.deprecates for offer in visit.gateway.catalogue.offers(model.slug)}
    for offer in answer.offers:
        yield Row(
            offer=offer,
            provider=providers[offer.provider].name,
            ends=ends[offer.offer],
            made_of=tuple(map(_line, offer.lines)),
        )


def _field(number: Number, workload: Workload) -> Field:
    value = workload.numbers[number.name]
    return Field(number, plain(value), number.position(value))


def _line(line: QuoteLine) -> str:
    return f"{number(line.quantity)} {line.unit_name} {dollars(line.usd)}"


def _order(row: Row) -> tuple[bool, bool, object]:
    amount = row.offer.per_request_usd
    return not row.offer.able, amount is None, amount or 0


def _best(rows: tuple[Row, ...], cheapest: str | None) -> Row | None:
    here = next((row for row in rows if row.offer.offer == cheapest), None)
    return here or next((row for row in rows if row.known), None)


def _kind_links(path: str, fixed: Mapping[str, str], kinds: list[Kind], kind: Kind) -> Iterator[Link]:
    for each in kinds:
        yield Link(KINDS[each], address(path, fixed, {"kind": each} if each != kinds[0] else {}), each == kind)


def _preset_links(
    path: str, fixed: Mapping[str, str], kinds: list[Kind], choose: Chooser, workload: Workload, chooses: bool
) -> Iterator[Link]:
    """The named workloads that the model can do; where another model may be chosen, all of them."""
    for preset in PRESETS:
        theirs = choose.preset(preset)
        kind = {"kind": preset.kind} if preset.kind != kinds[0] else {}
        if preset.kind == choose.kind:
            said = {**kind, **parameters(theirs, choose.default)}
            yield Link(preset.name, address(path, fixed, said), theirs == workload, preset.words)
        elif preset.kind in kinds or chooses:
            kept = fixed if preset.kind in kinds else {}
            said = {"kind": preset.kind, **{name: str(value) for name, value in preset.numbers.items()}}
            said |= {"size": preset.sizes[0]} if preset.sizes else {}
            yield Link(preset.name, address(path, kept, said), False, preset.words)


def _choice_links(found: Choices, view: CalculatorView) -> list[tuple[Entry, str]]:
    """The models found, each with the way to the same workload at it."""
    said = dict(parse_qsl(view.query))
    for name in ("quality", "kind"):  # each model has its own
        said.pop(name, None)
    return [(choice, address(view.action, {"model": choice.model.slug}, said)) for choice in found.found]
