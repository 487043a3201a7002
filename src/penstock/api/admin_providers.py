"""`/admin/api/providers`: which are on, why others are off, how they do; paused, resumed, and tested without spending.

What of it changes anything is done by `pipeline.pausing`, and asked by `pipeline.probe`; the routes are in
`admin_routes`.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from penstock.api.admin_documents import Moment
from penstock.api.answers import encode
from penstock.api.bodies import read_body, read_query
from penstock.api.times import moment
from penstock.core.errors import BadCredentials, BadRequest, NoCredit, NotFound, PenstockError, RateLimited
from penstock.core.target import Account
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.pausing import pause, resume
from penstock.pipeline.probe import Tested, test
from penstock.pipeline.request import Incoming, Reply
from penstock.providers.base import InProcessAdapter, Probing, Shown
from penstock.upstream.credentials import Switch
from penstock.upstream.results import Window

HEALTH_SECONDS = 1800.0
"""What "how it does" is told for."""

State = Literal["on", "paused", "off"]
Result = Literal["works", "no_credit", "key_refused", "rate_limited", "no_answer"]


class ProviderQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which providers."""

    state: Annotated[State | None, Meta(description="Only those that are on, paused, or off.")] = None


class Paused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a provider is not called just now."""

    reason: str
    paused_at: Moment
    paused_by: Annotated[str | None, Meta(description="Id of the key of who paused it; null: not known.")]


class ProviderState(msgspec.Struct, frozen=True, kw_only=True):
    """A provider, and how it does."""

    provider: Annotated[str, Meta(description="Its slug.")]
    name: str
    state: Annotated[State, Meta(description="`paused`: it is on, and is not called.")]
    reason: Annotated[str, Meta(description="Why it is on, paused or off, in words.")]
    key_variable: Annotated[str | None, Meta(description="The environment variable of its key; null: it needs none.")]
    has_key: Annotated[bool | None, Meta(description="Whether a key is there; null: it needs none, or it is off.")]
    models: Annotated[int, Meta(description="So many models it sells.")]
    paused: Paused | None
    succeeded: Annotated[int, Meta(description="Calls of the last half hour.")]
    failed: Annotated[int, Meta(description="Likewise; rate limits do not count.")]
    success: Annotated[float | None, Meta(description="The part of them that succeeded; null: there were none.")]
    left_alone: Annotated[list[str], Meta(description="Its offers that failed too often lately and are asked last.")]
    resting_keys: Annotated[int, Meta(description="So many of its keys are not used for a while.")]
    can_be_tested: Annotated[bool, Meta(description="Whether there is a question that it answers for nothing.")]


class ProviderList(msgspec.Struct, frozen=True, kw_only=True):
    """Providers: those of the configuration, and all that this version can call."""

    object: Literal["list"] = "list"
    data: list[ProviderState]


class NewPause(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a provider is paused."""

    reason: Annotated[str, Meta(description="Up to 200 characters; whoever asks for the provider is told.")]


class KeyTest(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking a provider with one key."""

    key: Annotated[str, Meta(description="The key's name; empty where the provider has one key, or needs none.")]
    result: Annotated[
        Result, Meta(description="`works`: it answers and takes the key. `no_answer` says why in `message`.")
    ]
    message: str
    seconds: Annotated[float, Meta(description="Until the answer.")]


class ProviderTest(msgspec.Struct, frozen=True, kw_only=True):
    """A provider asked something that costs nothing."""

    object: Literal["provider_test"] = "provider_test"
    provider: str
    message: Annotated[str, Meta(description="What was found out, in a sentence.")]
    keys: Annotated[list[KeyTest], Meta(description="By key; empty where there is no question that costs nothing.")]


async def list_providers(gateway: Gateway, incoming: Incoming) -> Reply:
    query = read_query(incoming, ProviderQuery)
    found = [state for state in provider_states(gateway) if query.state in (None, state.state)]
    return Reply(pieces=(encode(ProviderList(data=found)),))


async def pause_provider(gateway: Gateway, incoming: Incoming, provider: str) -> Reply:
    given = await read_body(incoming, NewPause)
    await pause_one(gateway, provider, given, incoming.principal.key_id if incoming.principal else None)
    return Reply(pieces=(encode(provider_state(gateway, provider)),))


async def resume_provider(gateway: Gateway, incoming: Incoming, provider: str) -> Reply:
    found = find_switch(gateway, provider)
    await resume(gateway, found.provider.slug)
    return Reply(pieces=(encode(provider_state(gateway, provider)),))


async def test_provider(gateway: Gateway, incoming: Incoming, provider: str) -> Reply:
    return Reply(pieces=(encode(await tested(gateway, provider)),))


async def pause_one(gateway: Gateway, provider: str, given: NewPause, key_id: str | None) -> None:
    """Raises NotFound for a provider that is not there, and BadRequest for one that is off, or without a reason."""
    found = find_switch(gateway, provider)
    if found.account is None:
        raise BadRequest(f"{found.provider.name} is off already: {found.reason}.")
    await pause(gateway, provider, given.reason, key_id)


async def tested(gateway: Gateway, provider: str) -> ProviderTest:
    """Ask a provider something that costs nothing. Raises NotFound, and BadRequest for one that is off."""
    found = find_switch(gateway, provider)
    name = found.provider.name
    if found.account is None:
        raise BadRequest(f"{name} is off, so there is nothing to ask it with: {found.reason}.")
    keys = [_key_test(one, found.account) for one in await test(gateway, found.account)]
    if len(keys) == 1:
        message = keys[0].message
    elif keys:
        message = f"{sum(key.result == 'works' for key in keys)} of {len(keys)} keys work."
    elif isinstance(gateway.adapters.get(found.provider.adapter), InProcessAdapter):
        message = f"{name} is part of this gateway, so there is nobody to ask."
    else:
        message = f"{name} has no question that costs nothing, so only a request can show whether it works."
    return ProviderTest(provider=provider, message=message, keys=keys)


def find_switch(gateway: Gateway, provider: str) -> Switch:
    """The provider with this slug, on or off. Raises NotFound with the nearest."""
    found = gateway.accounts.switches.get(provider)
    if found is None:
        near = get_close_matches(provider, gateway.accounts.switches, n=1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        raise NotFound(f"There is no provider `{provider[:100]}`.{hint}")
    return found


def provider_states(gateway: Gateway) -> list[ProviderState]:
    """Those of the configuration and those that can be called: on ones first, each in the catalogue's order."""
    shown = [
        slug
        for slug, switch in gateway.accounts.switches.items()
        if switch.provider.adapter or slug in gateway.settings.providers
    ]
    models, down, health = _model_counts(gateway), _left_alone(gateway), _health(gateway)
    states = [_state(gateway, slug, models.get(slug, 0), down.get(slug, []), health.get(slug)) for slug in shown]
    return sorted(states, key=lambda state: ("on", "paused", "off").index(state.state))


def provider_state(gateway: Gateway, provider: str) -> ProviderState:
    """One of them. Raises NotFound."""
    slug = find_switch(gateway, provider).provider.slug
    models, down, health = _model_counts(gateway), _left_alone(gateway), _health(gateway)
    return _state(gateway, slug, models.get(slug, 0), down.get(slug, []), health.get(slug))


def _state(gateway: Gateway, slug: str, models: int, down: list[str], health: Window | None) -> ProviderState:
    switch, paused = gateway.accounts.switches[slug], gateway.accounts.paused.get(slug)
    provider, account = switch.provider, switch.account
    needs_key = bool(provider.key_variable) or bool(account and account.key)
    return ProviderState(
        provider=slug,
        name=provider.name,
        state="off" if account is None else "paused" if paused else "on",
        reason=f"paused by the administrator: {paused.reason}" if paused else switch.reason,
        key_variable=provider.key_variable or None,
        has_key=None if not needs_key else bool(account and account.key),
        models=models,
        paused=None
        if paused is None
        else Paused(reason=paused.reason, paused_at=moment(paused.paused_at), paused_by=paused.paused_by),
        succeeded=health.succeeded if health else 0,
        failed=health.failed if health else 0,
        success=health.uptime if health else None,
        left_alone=down,
        resting_keys=sum(rest.provider == slug for rest in gateway.rotation.resting(gateway.clock.monotonic())),
        can_be_tested=isinstance(gateway.adapters.get(provider.adapter), Probing),
    )


def _model_counts(gateway: Gateway) -> dict[str, int]:
    """How many models each provider sells; imported offers are not made for it."""
    catalogue = gateway.catalogue
    pairs = {(offer.provider, offer.model) for offer in catalogue.written}
    pairs |= {(row.provider, slug) for slug, rows in catalogue.below.items() for row, _ in rows}
    counts: dict[str, int] = {}
    for provider, _ in pairs:
        counts[provider] = counts.get(provider, 0) + 1
    return counts


def _left_alone(gateway: Gateway) -> dict[str, list[str]]:
    """Offers with a breaker that is not closed, by provider."""
    states = gateway.breakers.states(gateway.clock.monotonic())
    return _by_provider({offer for (offer, _), state in states.items() if state.name != "closed"})


def _health(gateway: Gateway) -> dict[str, Window]:
    """All that came of calls lately, by provider."""
    now, healths = gateway.clock.monotonic(), gateway.healths
    found: dict[str, Window] = {}
    for provider, offers in _by_provider({offer for offer, _ in healths.called()}).items():
        window = found[provider] = Window()
        for offer in offers:
            window.add(healths.window(offer, None, HEALTH_SECONDS, now))
    return found


def _by_provider(offers: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for offer in sorted(offers):
        found.setdefault(offer.partition("/")[0], []).append(offer)
    return found


def _key_test(it: Tested, account: Account) -> KeyTest:
    result, message = _told(it, account)
    return KeyTest(key=it.key_name, result=result, message=message, seconds=round(it.seconds, 3))


def _told(it: Tested, account: Account) -> tuple[Result, str]:
    if it.error is not None:
        return _failure(it.error), it.error.message
    name = account.provider.name
    if not account.key:
        return "works", f"{name} answers."
    more = ", and there is credit" if it.shown is Shown.CREDIT else ""
    return "works", f"{name} answers and accepts the key{more}."


def _failure(error: PenstockError) -> Result:
    match error:
        case BadCredentials():
            return "key_refused"
        case NoCredit():
            return "no_credit"
        case RateLimited():
            return "rate_limited"
    return "no_answer"
