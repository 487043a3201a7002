"""Providers that are down are asked something that costs nothing, so that they are back before somebody has to wait.

Only what is down is asked, or what an administrator tests, and only by adapters that have a free question; a key or an
offer that nobody asks after comes back by itself, with the first call that is let through to it. No picture is ever
made for this.
"""

import asyncio
from dataclasses import dataclass

import structlog

from penstock.core.errors import PenstockError
from penstock.core.target import Account
from penstock.pipeline.gateway import Gateway
from penstock.providers.base import Probing, Shown
from penstock.upstream.rotation import Reason, Resting, using, with_key

log = structlog.get_logger()

_LOOK_AGAIN_SECONDS = 15.0
"""Where nothing is to be asked: whether that is still so."""
_TIMEOUT_SECONDS = 10.0
_ENDS: dict[Shown, tuple[Reason, ...]] = {Shown.KEY: ("refused",), Shown.CREDIT: ("refused", "no_credit")}
"""The reasons for a rest that what was shown does away with. A limited rate is over when its time is."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of asking a provider with one key."""

    key_name: str
    """Empty where the provider has one key, or needs none."""
    shown: Shown | None
    error: PenstockError | None
    """Why there is no good answer; exactly one of the two is None."""
    seconds: float


async def probe_providers(gateway: Gateway) -> None:
    """Runs until cancelled."""
    while True:
        seconds = gateway.routes.settings.probe_seconds
        if seconds:
            try:
                await probe_once(gateway)
            except Exception:
                log.exception("probe.broke")
        await asyncio.sleep(seconds or _LOOK_AGAIN_SECONDS)


async def probe_once(gateway: Gateway) -> None:
    """Ask every provider that has an open breaker, or a key that rests for what an answer may show; all at once."""
    now = gateway.clock.monotonic()
    resting = gateway.rotation.resting(now)
    open_ones = [id for (id, _), state in gateway.breakers.states(now).items() if state.name == "open"]
    down = {id.partition("/")[0] for id in open_ones}
    async with asyncio.TaskGroup() as group:
        for slug, account in gateway.accounts.items():
            adapter = gateway.adapters.get(account.provider.adapter)
            if isinstance(adapter, Probing):
                theirs = [rest for rest in resting if rest.provider == slug]
                for asked in _questions(account, theirs, slug in down):
                    group.create_task(_ask(gateway, adapter, asked))


def _questions(account: Account, resting: list[Resting], down: bool) -> list[Account]:
    """The account with each key that an answer may put back; where there is none and offers are down, with one key."""
    asked = [using(account, rest.key_name) for rest in resting if any(rest.reason in ends for ends in _ENDS.values())]
    if not asked and down:
        names = {rest.key_name for rest in resting}
        asked = [next((with_key(account, key) for key in account.keys if key.name not in names), account)]
    return [found for found in asked if found is not None]


async def test(gateway: Gateway, account: Account) -> list[Tested]:
    """Ask a provider now, with each of its keys. Nothing is asked where it has no question that costs nothing."""
    adapter = gateway.adapters.get(account.provider.adapter)
    if not isinstance(adapter, Probing):
        return []
    each = [with_key(account, key) for key in account.keys] or [account]
    return list(await asyncio.gather(*(_tested(gateway, adapter, asked) for asked in each)))


async def _tested(gateway: Gateway, adapter: Probing, account: Account) -> Tested:
    started = gateway.clock.monotonic()
    answer = await _ask(gateway, adapter, account)
    seconds = gateway.clock.monotonic() - started
    if isinstance(answer, PenstockError):
        return Tested(account.key_name, None, answer, seconds)
    return Tested(account.key_name, answer, None, seconds)


async def _ask(gateway: Gateway, adapter: Probing, account: Account) -> Shown | PenstockError:
    """What the answer shows, or why there is none; what it puts back is put back."""
    provider, key = account.provider.slug, account.key_name
    try:
        reply = await gateway.upstream.exchange(adapter.probe(account), _TIMEOUT_SECONDS)
        shown = adapter.read_probe(account, reply)
    except PenstockError as error:
        log.info("probe.unanswered", provider=provider, key=key, error=error.message)
        return error
    log.info("probe.answered", provider=provider, key=key, shown=shown.value)
    for rest in gateway.rotation.resting(gateway.clock.monotonic()):
        if (rest.provider, rest.key_name) == (provider, key) and rest.reason in _ENDS[shown]:
            gateway.rotation.works(account, key)
    gateway.breakers.wake(provider)
    return shown
