"""How things stand at this moment, as the dashboard shows it: providers that are on, and requests under way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from penstock.core.call import Operation
from penstock.pipeline.gateway import Gateway
from penstock.store.reservations import ReservationRow
from penstock.store.usage import holder_names
from penstock.upstream.results import Window
from penstock.web.templating import OPERATIONS, seconds

SPELLS = (("5 min", 300.0), ("30 min", 1800.0), ("24 hours", 86_400.0))
MOST_JOBS = 50
RESTS = {
    "no_credit": "the account there has no credit",
    "refused": "the provider refused it",
    "rate_limited": "the provider limits how often it may be used",
}


@dataclass(frozen=True, slots=True)
class Spell:
    """What came of a provider's calls in some time before now."""

    words: str
    window: Window

    @property
    def calls(self) -> int:
        return self.window.succeeded + self.window.failed + self.window.limited

    @property
    def half(self) -> float | None:
        """Seconds within which half of the good ones came."""
        return self.window.quantile("seconds", 0.5)

    @property
    def most(self) -> float | None:
        """Seconds within which nine of ten came."""
        return self.window.quantile("seconds", 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderNow:
    """A provider that was called within the last day, or is paused."""

    slug: str
    name: str
    spells: Sequence[Spell]
    in_flight: int
    left_alone: Sequence[str]
    """What of it is not asked for a while, in words."""
    resting: Sequence[str]
    """Keys of it that are not used for a while, in words."""

    paused: str | None
    """Why an administrator has paused it; None: it is not."""

    @property
    def standing(self) -> tuple[str, str]:
        """How it does, in a word or two, and the kind of its tag."""
        if self.paused is not None:
            return "Paused", "warn"
        if self.left_alone:
            return "Left alone", "bad"
        if self.resting:
            return "Key resting", "warn"
        uptime = next((spell.window.uptime for spell in self.spells if spell.window.uptime is not None), None)
        if uptime is None:
            return "Quiet", ""
        return ("Working", "good") if uptime >= 0.95 else ("Unsteady", "warn") if uptime >= 0.5 else ("Failing", "bad")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNow:
    """A request that is under way."""

    id: str
    since: int
    seconds: float
    """That it has taken so far."""
    left: float
    """Until it is over, whatever becomes of it; below 0 where that time has come."""
    model: str | None
    operation: str | None
    key_id: str | None
    key: str | None
    is_copy: bool
    elsewhere: bool
    """Whether another process carries it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Now."""

    at: int
    providers: Sequence[ProviderNow]
    """The one with most calls first."""
    quiet: Sequence[str]
    """Names of those that are on and were not called within the last day."""
    jobs: Sequence[JobNow]
    """The oldest first, `MOST_JOBS` at most."""
    under_way: int


async def read_standing(gateway: Gateway) -> Standing:
    """Of this process and, as far as they have told each other, of those beside it."""
    now = int(gateway.clock.now() * 1000)
    rows = await gateway.ledger.open_reservations()
    shown = rows[:MOST_JOBS]
    keys = {str(row.facts["key_id"]) for row in shown if row.facts.get("key_id")}
    names = await gateway.books.read(partial(holder_names, by="key", ids=keys)) if keys else {}
    called = _called(gateway)
    on, paused, known = gateway.accounts.accounts, gateway.accounts.paused, gateway.catalogue.providers
    shown_providers = [slug for slug in on if slug in called or slug in paused]
    return Standing(
        at=now,
        providers=sorted(
            [_provider(slug, called.get(slug, ()), gateway) for slug in shown_providers],
            key=lambda one: -one.spells[-1].calls,
        ),
        quiet=sorted(known[slug].name for slug in on if slug not in shown_providers),
        jobs=[_job(row, names, now, gateway) for row in shown],
        under_way=len(rows),
    )


def _called(gateway: Gateway) -> Mapping[str, list[tuple[str, Operation]]]:
    """Offers and operations by provider."""
    found: dict[str, list[tuple[str, Operation]]] = {}
    for offer, operation in gateway.healths.called():
        found.setdefault(offer.partition("/")[0], []).append((offer, operation))
    return found


def _provider(slug: str, called: Sequence[tuple[str, Operation]], gateway: Gateway) -> ProviderNow:
    now, pause = gateway.clock.monotonic(), gateway.accounts.paused.get(slug)
    return ProviderNow(
        slug=slug,
        name=gateway.catalogue.providers[slug].name,
        spells=[Spell(words, _window(called, length, now, gateway)) for words, length in SPELLS],
        in_flight=sum(gateway.healths.look(offer, operation, "", now).in_flight for offer, operation in called),
        left_alone=[
            f"{offer.partition('/')[2]} ({OPERATIONS.get(operation, operation).lower()}): "
            f"{_try_again(gateway.breakers.waits((offer, operation), now))}"
            for (offer, operation), state in gateway.breakers.states(now).items()
            if offer.startswith(f"{slug}/") and state.name != "closed"
        ],
        resting=[
            f"{f'Key {rest.key_name}' if rest.key_name else 'Its key'}: {RESTS[rest.reason]}; "
            f"{_try_again(rest.seconds_left)}"
            for rest in gateway.rotation.resting(now)
            if rest.provider == slug
        ],
        paused=None if pause is None else pause.reason,
    )


def _window(called: Sequence[tuple[str, Operation]], length: float, now: float, gateway: Gateway) -> Window:
    found = Window()
    for offer, operation in called:
        found.add(gateway.healths.window(offer, operation, length, now))
    return found


def _try_again(wait: float) -> str:
    return f"tried again in {seconds(max(1.0, round(wait)))}" if wait > 0 else "the next call shows whether it works"


def _job(row: ReservationRow, names: Mapping[str, str], now: int, gateway: Gateway) -> JobNow:
    facts = row.facts
    key_id = facts.get("key_id")
    return JobNow(
        id=row.request_id,
        since=row.created_at,
        seconds=max(0, now - row.created_at) / 1000,
        left=(row.deadline - now) / 1000,
        model=facts.get("asked_model"),
        operation=facts.get("operation"),
        key_id=key_id,
        key=names.get(key_id or "", key_id),
        is_copy=bool(facts.get("mirror_of")),
        elsewhere=row.owner != gateway.presence.id,
    )
