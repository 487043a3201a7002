"""What a model's page says of it that holds for everybody: who sells it, within which limits, and what it can do."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from penstock.api.capabilities import capabilities
from penstock.catalogue.search import Catalogue
from penstock.core.call import Operation
from penstock.core.target import Model, Offer, Provider
from penstock.web.models import limits
from penstock.web.models.cards import sold_price
from penstock.web.models.index import CAPABILITIES, Entry, Sold, largest_picture
from penstock.web.models.prices import PriceLine, Source, price_lines, price_sentences, source_of
from penstock.web.templating import megapixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One provider's offer of the model."""

    sold: Sold
    provider: Provider
    name: str
    """The provider's, and where it has several offers of the model what it calls this one."""
    price: str
    """In a few words; empty: not known."""
    sentences: tuple[str, ...]
    lines: list[PriceLine]
    source: Source | None
    parameters: tuple[str, ...]
    """Request fields it is known to take."""
    takes_all: bool
    """Whatever else a request has is passed on to it."""

    @property
    def offer(self) -> Offer:
        return self.sold.offer

    @property
    def standing(self) -> str:
        if self.sold.over:
            return "ended"
        return "on" if self.sold.here else "off"


@dataclass(frozen=True, slots=True)
class LimitRow:
    """The limits of one or several providers that have the same."""

    providers: str
    cells: tuple[Markup | str, ...]


@dataclass(frozen=True, slots=True)
class Ability:
    """Something a model may be able to do."""

    name: str
    does: bool | None
    """None: not known."""
    who: str
    """Those that do, where not all do."""


def offered(entry: Entry, catalogue: Catalogue) -> list[Offered]:
    """The offers, those that can be called here first and those that have ended last."""
    in_order = sorted(entry.sold, key=lambda sold: (sold.over, not sold.here))
    sellers = [sold.offer.provider for sold in in_order]
    return [_offered(sold, entry, catalogue, sellers.count(sold.offer.provider) > 1) for sold in in_order]


def _offered(sold: Sold, entry: Entry, catalogue: Catalogue, several: bool) -> Offered:
    offer, provider = sold.offer, catalogue.providers[sold.offer.provider]
    return Offered(
        sold=sold,
        provider=provider,
        name=f"{provider.name} ({offer.upstream})" if several else provider.name,
        price=sold_price(sold),
        sentences=price_sentences(offer),
        lines=price_lines(offer.price) if offer.price else [],
        source=source_of(offer.price) if offer.price else None,
        parameters=tuple(sorted({*capabilities(entry.model, offer), *offer.parameters})),
        takes_all=bool(offer.operations & {Operation.CHAT, Operation.EMBEDDING}),
    )


# Limits.

PICTURE_LIMITS = ("Sizes", "Largest picture", "Reference pictures", "Formats", "Pictures a request")
TEXT_LIMITS = ("Context", "Longest answer")


def limit_columns(offers: Sequence[Offered]) -> tuple[str, ...]:
    """The columns of the table: those of pictures, of text, or both."""
    operations = {operation for each in offers for operation in each.offer.operations}
    pictures = PICTURE_LIMITS if operations & {Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT} else ()
    return (*pictures, *(TEXT_LIMITS if operations & {Operation.CHAT, Operation.EMBEDDING} or not pictures else ()))


def limit_rows(offers: Sequence[Offered], entry: Entry, catalogue: Catalogue) -> list[LimitRow]:
    """A row for all providers with the same limits."""
    columns = limit_columns(offers)
    rows: dict[tuple[Markup | str, ...], list[str]] = {}
    for each in offers:
        cells = _cells(each.offer, entry, certain=not catalogue.is_imported(each.offer))
        rows.setdefault(tuple(cells[name] for name in columns), []).append(each.name)
    return [LimitRow(", ".join(dict.fromkeys(names)), cells) for cells, names in rows.items()]


def _cells(offer: Offer, entry: Entry, certain: bool) -> dict[str, Markup | str]:
    if offer.operations & {Operation.IMAGE_GENERATION, Operation.IMAGE_EDIT}:
        pictures = {
            "Sizes": limits.sizes(offer, certain=certain),
            "Largest picture": megapixels(largest_picture(offer.limits)),
            "Reference pictures": limits.references(offer, certain=certain),
            "Formats": limits.formats(offer, certain=certain),
            "Pictures a request": f"up to {offer.limits.max_n}",
        }
    else:
        pictures = dict.fromkeys(PICTURE_LIMITS, "none")
    context = offer.limits.context_tokens or entry.model.context_tokens
    longest = offer.limits.max_output_tokens
    return {**pictures, "Context": limits.tokens(context), "Longest answer": limits.tokens(longest)}


# Abilities.

_READS = {"file": "Reads documents", "audio": "Hears sound"}


def abilities(model: Model, offers: Sequence[Offered], catalogue: Catalogue) -> list[Ability]:
    """What the model can do through those who sell it; None where only imported rows keep silent about it."""
    reads = [Ability(words, name in model.input_modalities, "") for name, words in _READS.items()]
    if "image" not in model.output_modalities:
        return [_ability("chat", CAPABILITIES["chat"], offers, catalogue), *reads]
    return [_ability(name, words, offers, catalogue) for name, words in CAPABILITIES.items()]


def _ability(name: str, words: str, offers: Sequence[Offered], catalogue: Catalogue) -> Ability:
    able = [each.provider.name for each in offers if name in each.sold.can]
    if able:
        return Ability(words, True, ", ".join(dict.fromkeys(able)) if len(able) < len(offers) else "")
    certain = name in ("edits", "chat") or any(not catalogue.is_imported(each.offer) for each in offers)
    return Ability(words, False if certain else None, "")


def elsewhere(offers: Sequence[Offered]) -> list[Offered]:
    """Who sells it too and is not connected here."""
    return [each for each in offers if each.standing == "off"]


def how_to_connect(each: Offered) -> str:
    """What would make an offer callable here, in a sentence."""
    provider = each.provider
    if not each.offer.operations:
        return "It is reached by an endpoint that this gateway does not have."
    if not provider.adapter:
        return "Only its prices are known; it cannot be called from here yet."
    if provider.key_variable:
        return f"The environment variable {provider.key_variable} connects it."
    return "It is connected in the settings file."
