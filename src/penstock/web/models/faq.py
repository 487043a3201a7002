"""Questions people have about a model, answered from what is known of it; a question without an answer is not asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from penstock.core.call import Operation
from penstock.core.target import Model
from penstock.web.models.cards import prices
from penstock.web.models.index import Entry
from penstock.web.models.limits import sizes_in_words
from penstock.web.models.view import Offered
from penstock.web.templating import seconds

_MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer."""

    question: str
    answer: str


def questions(entry: Entry, offers: Sequence[Offered], median: float | None) -> list[Answered]:
    """What can be answered. `median` is the time to a result here within the last day, in seconds."""
    return [
        *_cost(entry, offers),
        *_who(entry.model, offers),
        *_edits(entry.model, offers),
        *_sizes(entry.model, offers),
        *_seed(entry.model, offers),
        *_weights(entry),
        *_speed(entry.model, median),
        *_certain(offers),
    ]


def _cost(entry: Entry, offers: Sequence[Offered]) -> Iterator[Answered]:
    lines, first = prices(entry), next((each for each in offers if each.offer.price is not None), None)
    if lines and first is not None and first.offer.price is not None:
        read = first.offer.price.checked
        amount = "; ".join(line[:1].lower() + line[1:] for line in lines)
        yield Answered(
            f"What does {entry.model.name} cost?",
            f"It costs {amount}. At {first.name}: {' '.join(first.sentences)} "
            f"That was read on {read.day} {read:%B %Y}.",
        )


def _who(model: Model, offers: Sequence[Offered]) -> Iterator[Answered]:
    here = _names([each for each in offers if each.standing == "on"])
    others = _names([each for each in offers if each.standing == "off"])
    if here:
        more = f" {others} sell it too, and are not connected." if others else ""
        yield Answered(f"Who serves {model.name} here?", f"{here}.{more}")
    elif others:
        yield Answered(
            f"Who serves {model.name} here?", f"Nobody yet. It is sold by {others}; none of them is connected."
        )


def _names(offers: Sequence[Offered]) -> str:
    names = list(dict.fromkeys(each.provider.name for each in offers))
    if len(names) > _MOST_NAMES:
        names = [*names[:_MOST_NAMES], f"{len(names) - _MOST_NAMES} others"]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _edits(model: Model, offers: Sequence[Offered]) -> Iterator[Answered]:
    if "image" not in model.output_modalities:
        return
    able = [each for each in offers if Operation.IMAGE_EDIT in each.offer.operations]
    most = max((each.offer.limits.max_references for each in able), default=0)
    question = f"Can {model.name} edit pictures?"
    if not able:
        yield Answered(question, "No. It makes pictures from words alone, as far as its providers say.")
    elif most:
        yield Answered(question, f"Yes, from {'one picture' if most == 1 else f'up to {most} pictures'}.")
    else:
        yield Answered(question, "Yes.")


def _sizes(model: Model, offers: Sequence[Offered]) -> Iterator[Answered]:
    said = {each.name: words for each in offers if (words := sizes_in_words(each.offer.limits))}
    if "image" not in model.output_modalities or not said:
        return
    name, words = next(iter(said.items()))
    yield Answered(f"Which sizes does {model.name} make?", f"At {name}: {words}.")


def _seed(model: Model, offers: Sequence[Offered]) -> Iterator[Answered]:
    able = [each for each in offers if each.offer.limits.seed]
    if "image" in model.output_modalities and able:
        yield Answered(
            f"Does {model.name} take a seed?",
            f"Yes, at {_names(able)}: the same seed and the same words bring much the same picture again.",
        )


def _weights(entry: Entry) -> Iterator[Answered]:
    if entry.weights is None:
        return
    licence = f" The licence is “{entry.model.licence}”." if entry.model.licence else ""
    yield Answered(
        f"Are the weights of {entry.model.name} open?",
        f"{'Yes, they can be downloaded.' if entry.weights else 'No, it runs at providers only.'}{licence}",
    )


def _speed(model: Model, median: float | None) -> Iterator[Answered]:
    if median is not None:
        yield Answered(
            f"How fast is {model.name} here?",
            f"Half of the answers of the last day took {seconds(median).striptags()} or less, measured here.",
        )


def _certain(offers: Sequence[Offered]) -> Iterator[Answered]:
    priced = [each for each in offers if each.offer.price is not None]
    unsure = [each for each in priced if each.offer.price is not None and each.offer.price.unverified]
    question = "Is the price certain?"
    if not priced:
        return
    if not unsure:
        yield Answered(question, "It was read from the provider's own page or from a published list of prices.")
    elif len(unsure) == len(priced):
        yield Answered(question, "Not quite: its source is weak, or others contradict it.")
    else:
        yield Answered(question, f"Not that of {_names(unsure)}: its source is weak, or others contradict it.")
