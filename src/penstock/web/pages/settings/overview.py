"""`/settings`: what of this installation is set up and what is missing, in words, and where each thing is changed."""

from dataclasses import dataclass
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection

from penstock import __version__
from penstock.core.principal import Scope
from penstock.core.spending import Level
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Reply
from penstock.providers.base import InProcessAdapter
from penstock.store import benchmark_reviews, spending
from penstock.store.keys import list_keys
from penstock.web.pages.settings.frame import framed
from penstock.web.visit import Visit

PART = "/settings"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that is set up, or is not."""

    kind: Literal["good", "warn", ""]
    word: str
    """How it is, in a word."""
    sentence: str
    path: str = ""
    """The page it is changed on."""
    link: str = ""
    """What the link to it says."""
    settings: tuple[str, ...] = ()
    """Names in the configuration's file, where it is changed there."""


@dataclass(frozen=True, slots=True)
class _Counts:
    keys: int
    administrators: int
    budgets: int
    on_all: bool
    """Whether a budget bounds the whole gateway."""
    waiting: int


async def overview(visit: Visit) -> Reply:
    """`GET /settings`."""
    counts = await visit.gateway.books.read(partial(_counts, now=visit.now_ms))
    gateway = visit.gateway
    groups = (
        ("Who is asked", [_providers(gateway), *_paused(gateway), _routing(gateway)]),
        ("Who may ask, and what it may cost", [_keys(counts), _budgets(counts), *_reviews(counts)]),
        ("What is seen and kept", [_pages(gateway), _prompts(gateway), _ledger(gateway), _pictures(gateway)]),
        ("Where it runs", [_data(gateway), _address(gateway), _version()]),
    )
    return framed(visit, "overview.html", title="Settings", part=PART, groups=groups)


def _counts(c: Connection, now: int) -> _Counts:
    working = [
        key for key in list_keys(c) if key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
    ]
    budgets = [state.budget for state in spending.budgets(c, now)]
    return _Counts(
        keys=len(working),
        administrators=sum(Scope.ADMIN in key.scopes for key in working),
        budgets=len(budgets),
        on_all=any(budget.holder.level is Level.GATEWAY for budget in budgets),
        waiting=len(benchmark_reviews.waiting(c)),
    )


def _providers(gateway: Gateway) -> Fact:
    outside = [
        account.provider.name
        for account in gateway.accounts.accounts.values()
        if not isinstance(gateway.adapters.get(account.provider.adapter), InProcessAdapter)
    ]
    if not outside:
        sentence = "No provider is connected: only the sandbox answers. Give one its key, and start the gateway again."
        return Fact(
            kind="warn",
            word="missing",
            sentence=sentence,
            path="/settings/providers",
            link="Providers",
            settings=("providers",),
        )
    names = ", ".join(outside[:5]) + (f" and {len(outside) - 5} more" if len(outside) > 5 else "")
    return Fact(kind="good", word="connected", sentence=f"{names}.", path="/settings/providers", link="Providers")


def _paused(gateway: Gateway) -> list[Fact]:
    providers = gateway.catalogue.providers
    return [
        Fact(
            kind="warn",
            word="paused",
            sentence=gateway.accounts.why_paused(providers[slug]) or "",
            path="/settings/providers",
            link="Providers",
        )
        for slug in gateway.accounts.paused
    ]


def _routing(gateway: Gateway) -> Fact:
    if gateway.routes.refused:
        sentence = f"The file as it is now cannot be used, so what was in force goes on. {gateway.routes.refused}"
        return Fact(
            kind="warn",
            word="refused",
            sentence=sentence,
            path="/settings/routing",
            link="Routing",
            settings=("routing",),
        )
    given = gateway.routes.settings.strategy
    name = given if isinstance(given, str) else str(given.get("name", ""))
    sentence = f"Requests that say nothing else are routed by {name}. This section counts without a restart."
    return Fact(
        kind="good", word=name, sentence=sentence, path="/settings/routing", link="Routing", settings=("routing",)
    )


def _keys(counts: _Counts) -> Fact:
    others = counts.keys - counts.administrators
    if not others:
        sentence = "There are administrators' keys only. Make one for each program, that may do less."
        return Fact(kind="warn", word="missing", sentence=sentence, path="/settings/keys/new", link="Make a key")
    admins = "1 of them administers" if counts.administrators == 1 else f"{counts.administrators} of them administer"
    return Fact(
        kind="good", word=f"{counts.keys:,}", sentence=f"Keys work now; {admins}.", path="/settings/keys", link="Keys"
    )


def _budgets(counts: _Counts) -> Fact:
    if not counts.budgets:
        sentence = "No budget bounds what is spent."
        return Fact(kind="warn", word="missing", sentence=sentence, path="/settings/budgets/new", link="Make a budget")
    end = "one bounds the whole gateway" if counts.on_all else "none bounds the whole gateway"
    noun = "Budget or credit" if counts.budgets == 1 else "Budgets and credits"
    return Fact(
        kind="good", word=f"{counts.budgets:,}", sentence=f"{noun}; {end}.", path="/settings/budgets", link="Budgets"
    )


def _reviews(counts: _Counts) -> list[Fact]:
    if not counts.waiting:
        return []
    sentence = "Contributed benchmark results wait for a decision."
    return [
        Fact(kind="warn", word=f"{counts.waiting:,}", sentence=sentence, path="/settings/benchmarks", link="Benchmarks")
    ]


def _pages(gateway: Gateway) -> Fact:
    if gateway.settings.pages.public:
        sentence = "Whoever reaches this gateway sees models, the calculator and the comparison. All else needs a key."
        return Fact(kind="", word="public", sentence=sentence, settings=("pages.public",))
    return Fact(kind="", word="not public", sentence="All pages need a key.", settings=("pages.public",))


def _prompts(gateway: Gateway) -> Fact:
    ledger = gateway.settings.ledger
    if not ledger.store_prompts:
        sentence = "Prompts are not kept. Pictures are."
        return Fact(kind="", word="not kept", sentence=sentence, settings=("ledger.store_prompts",))
    sentence = f"Prompts are kept for {_days(ledger.prompt_retention_days)}, readable for administrators."
    names = ("ledger.store_prompts", "ledger.prompt_retention_days")
    return Fact(kind="", word="kept", sentence=sentence, settings=names)


def _ledger(gateway: Gateway) -> Fact:
    days = gateway.settings.ledger.retention_days
    sentence = f"Requests are deleted after {_days(days)}; their sums stay." if days else "Requests stay in the ledger."
    return Fact(
        kind="", word=_days(days) if days else "for ever", sentence=sentence, settings=("ledger.retention_days",)
    )


def _pictures(gateway: Gateway) -> Fact:
    days = gateway.settings.assets.retention_days
    sentence = f"Pictures are deleted after {_days(days)}." if days else "Pictures stay until somebody deletes them."
    return Fact(
        kind="", word=_days(days) if days else "for ever", sentence=sentence, settings=("assets.retention_days",)
    )


def _data(gateway: Gateway) -> Fact:
    folder, url = gateway.settings.data_path.absolute(), gateway.settings.assets.url
    pictures = f"pictures in {_without_login(url)}" if url else "pictures beside it"
    sentence = f"The database is in {folder}, {pictures}."
    return Fact(kind="", word="data", sentence=sentence, settings=("data", "assets.url"))


def _address(gateway: Gateway) -> Fact:
    server = gateway.settings.server
    reach = "from this machine only" if server.host in _LOOPBACK else "from other machines too"
    public = f" Links in answers begin with {server.public_url}." if server.public_url else ""
    sentence = f"It listens on {server.host}, port {server.port}: it is reached {reach}.{public}"
    return Fact(kind="", word="address", sentence=sentence, settings=("server.host", "server.public_url"))


def _version() -> Fact:
    return Fact(kind="", word="version", sentence=f"This is Penstock {__version__}.")


def _days(days: float) -> str:
    return "1 day" if days == 1 else f"{days:g} days"


def _without_login(url: str) -> str:
    """An object store's address without what may be a secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}" if parts.scheme else url
