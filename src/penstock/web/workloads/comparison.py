"""Models side by side: the rows of the table, and which of them differ.

What providers of one model answer differently stands in one cell, each answer with who gives it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from penstock.api.workloads import WorkloadAnswer, WorkloadOffer
from penstock.catalogue.schema import Benchmark
from penstock.catalogue.search import Catalogue
from penstock.core.call import Operation
from penstock.core.target import Offer
from penstock.web.models import limits
from penstock.web.models.cards import in_words
from penstock.web.models.index import Entry, largest_picture
from penstock.web.models.prices import price_sentences
from penstock.web.models.search import INPUTS, OUTPUTS, Measured
from penstock.web.templating import OPERATIONS, day, megapixels, number, percent, seconds, unknown, usd
from penstock.web.workloads.form import PICTURES, Kind

Cell = tuple[Markup | str, ...]
"""Lines."""

_TEXTS = (Operation.CHAT, Operation.EMBEDDING)
_MOST_LINES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A model of the comparison."""

    entry: Entry
    kind: Kind
    answer: WorkloadAnswer
    """What the workload costs."""
    own_size: bool = False
    """Whether that is of the size each provider chooses, because nobody takes the one asked for."""

    @property
    def offers(self) -> list[Offer]:
        """Those that count: of the providers that are on here, else of all."""
        return [sold.offer for sold in self.entry.counted]

    @property
    def cost(self) -> WorkloadOffer | None:
        """The workload at the cheapest provider that is on here, else of all."""
        known = [offer for offer in self.answer.offers if offer.able and offer.per_request_usd is not None]
        here = [offer for offer in known if offer.offer == self.answer.cheapest]
        return min(here or known, key=lambda offer: offer.per_request_usd or Decimal(0), default=None)

    @property
    def remark(self) -> str:
        """What must be said beside the cost; empty where that is exact and of what was asked for."""
        estimate = "an estimate" if self.cost and self.cost.certainty == "estimate" else ""
        return ", ".join(part for part in ("at its own size" if self.own_size else "", estimate) if part)

    @property
    def why_not(self) -> str:
        """Where nobody can do the workload: the reason of the first."""
        ids = [offer.id for offer in self.offers]
        reasons = [offer.why_not for offer in self.answer.offers if offer.offer in ids and offer.why_not]
        able = any(offer.able for offer in self.answer.offers)
        return "" if able or not reasons else reasons[0]


@dataclass(frozen=True, slots=True)
class Row:
    """One question, and each model's answer."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.cells)) > 1


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under a heading."""

    name: str
    rows: tuple[Row, ...]


def compared(columns: Sequence[Column], catalogue: Catalogue, measured: Measured) -> list[Group]:
    """The whole table; questions that are about none of the models are left out."""
    ask = _Asking(catalogue, measured)
    groups = []
    for name, questions in ask.questions().items():
        rows = (Row(each, tuple(question(column) for column in columns)) for each, question in questions.items())
        groups.append(Group(name, tuple(row for row in rows if any(row.cells))))
    return [group for group in groups if group.rows]


class _Asking:
    """The questions; an empty answer means that the question is not about this model."""

    def __init__(self, catalogue: Catalogue, measured: Measured) -> None:
        self._catalogue = catalogue
        self._measured = measured

    def questions(self) -> Mapping[str, Mapping[str, Callable[[Column], Cell]]]:
        return {
            "What it is": {
                "Maker": lambda it: (it.entry.model.maker,),
                "Published": lambda it: (day(it.entry.model.created),),
                "Licence": lambda it: (it.entry.model.licence or unknown(),),
                "Takes": lambda it: (in_words(it.entry.model.input_modalities, INPUTS),),
                "Makes": lambda it: (in_words(it.entry.model.output_modalities, OUTPUTS),),
                "Rating": self._ratings,
            },
            "What can be asked": {
                "Operations": self._operations,
                "Sizes": self._of_pictures(lambda offer: limits.sizes(offer, certain=self._certain(offer))),
                "Largest picture": self._of_pictures(lambda offer: megapixels(largest_picture(offer.limits))),
                "Reference pictures": self._of_pictures(
                    lambda offer: limits.references(offer, certain=self._certain(offer))
                ),
                "Mask": self._of_pictures(
                    lambda offer: limits.whether(offer.limits.mask, certain=self._certain(offer))
                ),
                "Seed": self._of_pictures(
                    lambda offer: limits.whether(offer.limits.seed, certain=self._certain(offer))
                ),
                "Formats": self._of_pictures(lambda offer: limits.formats(offer, certain=self._certain(offer))),
                "Pictures a request": self._of_pictures(lambda offer: f"up to {offer.limits.max_n}"),
                "Context": self._of_text(self._context),
                "Longest answer": self._of_text(lambda offer: limits.tokens(offer.limits.max_output_tokens)),
            },
            "What it costs": {
                "Price": self._price,
                "Price checked": self._checked,
                "The workload, a request": lambda it: _amount(it, lambda cost: cost.per_request_usd),
                "The workload, a month": lambda it: _amount(it, lambda cost: cost.per_month_usd),
            },
            "Here": {
                "Providers": self._providers,
                "Can be called here": self._here,
                "Half of the calls take at most": lambda it: (self._median(it),),
                "Calls that succeeded": lambda it: (self._uptime(it),),
            },
        }

    def _ratings(self, it: Column) -> Cell:
        slug = it.entry.model.slug
        return tuple(_rated(slug, self._catalogue.benchmarks.values())) or (unknown("nobody's rating is known"),)

    def _operations(self, it: Column) -> Cell:
        found = {operation for offer in it.offers for operation in offer.operations}
        words = [OPERATIONS[operation] for operation in Operation if operation in found]
        return (", ".join(words) or unknown("none through this gateway"),)

    def _of_pictures(self, answer: Callable[[Offer], Markup | str]) -> Callable[[Column], Cell]:
        return lambda it: self._by_provider(it, PICTURES, answer)

    def _of_text(self, answer: Callable[[Offer], Markup | str]) -> Callable[[Column], Cell]:
        return lambda it: self._by_provider(it, _TEXTS, answer)

    def _by_provider(
        self, it: Column, operations: Sequence[Operation], answer: Callable[[Offer], Markup | str]
    ) -> Cell:
        answers: dict[Markup | str, list[str]] = {}
        for offer in it.offers:
            if not offer.operations.isdisjoint(operations):
                answers.setdefault(answer(offer), []).append(self._name(offer))
        known = {said: names for said, names in answers.items() if said != unknown()}
        answers = known or answers
        if len(answers) < 2:
            return tuple(answers)
        rows = [_said_by(said, names) for said, names in answers.items()]
        return _shortened(rows)

    def _certain(self, offer: Offer) -> bool:
        return not self._catalogue.is_imported(offer)

    def _context(self, offer: Offer) -> Markup:
        model = self._catalogue.models[offer.model]
        return limits.tokens(offer.limits.context_tokens or model.context_tokens)

    def _price(self, it: Column) -> Cell:
        """In full of the provider that the workload is cheapest at; the model's page has all of them."""
        if not it.offers:
            return (unknown(),)
        cheapest = next((offer for offer in it.offers if it.cost and offer.id == it.cost.offer), it.offers[0])
        said = _said_by(" ".join(price_sentences(cheapest)), [self._name(cheapest)])
        others = len({self._name(offer) for offer in it.offers}) - 1
        if not others:
            return (said,)
        words = f"{others} more {'provider' if others == 1 else 'providers'}"
        more = Markup('<a class="small" href="/models/{}">{}</a>').format(it.entry.model.slug, words)
        return (said, more)

    def _checked(self, it: Column) -> Cell:
        days = [offer.price.checked for offer in it.offers if offer.price is not None]
        if not days:
            return (unknown(),)
        first, last = min(days), max(days)
        return (day(last),) if first == last else (Markup("{} to {}").format(day(first), day(last)),)

    def _providers(self, it: Column) -> Cell:
        names = dict.fromkeys(self._name(sold.offer) for sold in it.entry.sold if not sold.over)
        return (", ".join(names) or unknown("nobody that is known"),)

    def _here(self, it: Column) -> Cell:
        names = dict.fromkeys(self._name(sold.offer) for sold in it.entry.sold if sold.here)
        return (f"yes, at {', '.join(names)}" if names else "no",)

    def _median(self, it: Column) -> Markup:
        found = self._measured.seconds(it.entry)
        return unknown("not called in a day") if found is None else seconds(found)

    def _uptime(self, it: Column) -> Markup:
        found = self._measured.uptime(it.entry)
        return unknown("not called in a day") if found is None else percent(found)

    def _name(self, offer: Offer) -> str:
        return self._catalogue.providers[offer.provider].name


def _amount(it: Column, amount: Callable[[WorkloadOffer], Decimal | None]) -> Cell:
    cost = it.cost
    if cost is None:
        return (it.why_not or unknown("price not known"),)
    return (usd(amount(cost)) + (f" ({it.remark})" if it.remark else ""),)


def _said_by(said: Markup | str, names: Sequence[str]) -> Markup:
    """An answer, and who gives it."""
    return Markup('{} <span class="quiet small">{}</span>').format(said, ", ".join(dict.fromkeys(names)))


def _shortened(rows: Sequence[Markup]) -> Cell:
    left = len(rows) - _MOST_LINES
    return tuple(rows) if left <= 1 else (*rows[:_MOST_LINES], f"and {left} more")


def _rated(slug: str, benchmarks: Iterable[Benchmark]) -> Iterator[Markup]:
    for benchmark in benchmarks:
        for rating in benchmark.ratings:
            if rating.model == slug:
                yield Markup('{} at {} <span class="quiet small"><a href="{}" rel="noopener">{}</a>, {}</span>').format(
                    number(rating.score),
                    OPERATIONS[rating.operation].lower(),
                    benchmark.about.page,
                    benchmark.about.name,
                    day(rating.checked),
                )
