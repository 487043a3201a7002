"""Which key of a provider a call is made with, and which ones are left alone for a while: pure, with time passed in.

A key that has no credit, is refused or is limited rests. When its time is over one call is let through to see whether
it works, and while that call is under way the others still go elsewhere; after a limited rate all are let through at
once. What is counted is counted in this process.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from penstock.core.target import Account, AccountKey, Secret
from penstock.settings import Rotation as RotationSettings

Reason = Literal["no_credit", "refused", "rate_limited"]
"""Why a key rests: as the provider has said."""

_MINUTE = 60.0
_LONGEST_PROBE = 60.0
"""Seconds after which a call that was let through, and has not been heard of, is given up."""
_LONGEST_LIMITED = 60.0
"""Seconds that a key rests at most where the provider limits its rate, whatever the provider says."""


@dataclass(frozen=True, slots=True)
class Resting:
    """A key that is out of rotation, for people and for the prober."""

    provider: str
    """The provider's slug."""
    key_name: str
    """Empty where the provider has one key only."""
    reason: Reason
    seconds_left: float
    """0: its time is over, and the next call shows whether it works."""


@dataclass(slots=True)
class _Rest:
    reason: Reason
    until: float
    """In the seconds of `now`."""
    probed_at: float | None = None
    """When the call that is to show whether the key works was let through."""

    def lets_through(self, now: float) -> bool:
        # A limited rate is over when its time is; whether credit is back only a call can tell.
        free = self.reason == "rate_limited" or self.probed_at is None or now - self.probed_at >= _LONGEST_PROBE
        return now >= self.until and free


@dataclass(slots=True)
class _Use:
    """What a key with limits was used for."""

    times: deque[float] = field(default_factory=deque)
    """When, for the last minute's calls."""
    day: int = 0
    usd: Decimal = Decimal(0)
    """Spent on that day."""


class Rotation:
    """The keys of every account in use. `now` is in seconds that never go back, `day` a number of a day of UTC.

    No method waits, so each is atomic.
    """

    def __init__(self, settings: RotationSettings) -> None:
        self.settings = settings
        """May be replaced; keys that rest already do so for the time they were given."""
        self._rests: dict[str, dict[str, _Rest]] = {}
        """By provider and name of the key."""
        self._uses: dict[tuple[str, str], _Use] = {}

    @property
    def is_calm(self) -> bool:
        """Nobody's key rests, so that an account with one key needs no choice."""
        return not self._rests

    def choose(self, account: Account, now: float, day: int, dice: Callable[[], float]) -> AccountKey | None:
        """The key to make a call with, by weight among those with room; the use is counted. None: there is none.

        The key of an account that has only one has no name, and is empty where the account needs none.
        """
        rests = self._rests.get(account.provider.slug)
        if not account.keys:
            if not _let_through(rests, "", now):
                return None
            chosen = AccountKey(name="", key=account.key or Secret(""))
        else:
            free = [key for key in account.keys if self._has_room(account, key, rests, now, day)]
            if not free:
                return None
            chosen = _by_weight(free, dice())
            if chosen.requests_per_minute is not None:
                self._use(account, chosen).times.append(now)
        if rests and (rest := rests.get(chosen.name)):
            rest.probed_at = now
        return chosen

    def available(self, account: Account, now: float, day: int) -> bool:
        """Whether `choose` has a key to give; nothing is counted."""
        rests = self._rests.get(account.provider.slug)
        if not account.keys:
            return not rests or _let_through(rests, "", now)
        return any(self._has_room(account, key, rests, now, day) for key in account.keys)

    def full_for(self, account: Account, now: float) -> float | None:
        """Seconds until a key of an account has room again whose calls of a minute are used up; None: none has."""
        waits = []
        for key in account.keys:
            use = self._uses.get((account.provider.slug, key.name))
            if use and key.requests_per_minute is not None and len(use.times) >= key.requests_per_minute:
                waits.append(use.times[0] + _MINUTE - now)
        return min((wait for wait in waits if wait > 0), default=None)

    def limited_for(self, account: Account, now: float) -> float | None:
        """Seconds until the first of an account's keys is back that rests for a limited rate; None: none does."""
        names = {key.name for key in account.keys} or {""}
        rests = self._rests.get(account.provider.slug, {})
        waits = [rest.until - now for name, rest in rests.items() if name in names and rest.reason == "rate_limited"]
        return min((wait for wait in waits if wait > 0), default=None)

    def rest(self, account: Account, key_name: str, reason: Reason, now: float, retry_after: float | None) -> None:
        """Leave a key alone for the time the settings give its reason.

        `retry_after` is the provider's word in seconds, and counts for `rate_limited` only. A rest that is shorter
        than what is left of one under way changes nothing.
        """
        seconds = self._seconds(reason, retry_after)
        if seconds <= 0:
            return
        rests = self._rests.setdefault(account.provider.slug, {})
        before = rests.get(key_name)
        if before is None or before.until <= now + seconds:
            rests[key_name] = _Rest(reason, now + seconds)

    def works(self, account: Account, key_name: str) -> None:
        """A call with the key has worked, so it is in rotation."""
        rests = self._rests.get(account.provider.slug)
        if rests and rests.pop(key_name, None) and not rests:
            del self._rests[account.provider.slug]

    def spent(self, account: Account, key_name: str, usd: Decimal, day: int) -> None:
        """A call made with the key on a day has cost so many US dollars."""
        for key in account.keys:
            if key.name == key_name and key.usd_per_day is not None:
                use = self._use(account, key)
                if day > use.day:
                    use.day, use.usd = day, Decimal(0)
                if day == use.day:
                    use.usd += usd

    def resting(self, now: float) -> list[Resting]:
        """The keys that are out of rotation because of what their provider said."""
        return [
            Resting(provider, name, rest.reason, max(0.0, rest.until - now))
            for provider, rests in self._rests.items()
            for name, rest in rests.items()
        ]

    def _seconds(self, reason: Reason, retry_after: float | None) -> float:
        match reason:
            case "no_credit":
                return self.settings.no_credit_seconds
            case "refused":
                return self.settings.refused_seconds
        usual = self.settings.rate_limited_seconds
        return usual if retry_after is None or not usual else min(_LONGEST_LIMITED, retry_after)

    def _has_room(
        self, account: Account, key: AccountKey, rests: dict[str, _Rest] | None, now: float, day: int
    ) -> bool:
        if not _let_through(rests, key.name, now):
            return False
        use = self._uses.get((account.provider.slug, key.name))
        if use is None:
            return True
        if key.usd_per_day is not None and day <= use.day and use.usd >= key.usd_per_day:
            return False
        while use.times and now - use.times[0] >= _MINUTE:
            use.times.popleft()
        return key.requests_per_minute is None or len(use.times) < key.requests_per_minute

    def _use(self, account: Account, key: AccountKey) -> _Use:
        return self._uses.setdefault((account.provider.slug, key.name), _Use())


def using(account: Account, key_name: str) -> Account | None:
    """The account with this one of its keys as the one that calls are made with; None where it has none such."""
    if not account.keys:
        return account if key_name == "" else None
    return next((with_key(account, key) for key in account.keys if key.name == key_name), None)


def with_key(account: Account, key: AccountKey) -> Account:
    """The account with a key that was chosen of it."""
    return replace(account, key=key.key, key_name=key.name) if account.keys else account


def _let_through(rests: dict[str, _Rest] | None, name: str, now: float) -> bool:
    rest = rests.get(name) if rests else None
    return rest is None or rest.lets_through(now)


def _by_weight(keys: list[AccountKey], chance: float) -> AccountKey:
    """The key in whose part of all weights the chance, 0 up to 1, falls."""
    point = chance * sum(key.weight for key in keys)
    for key in keys:
        point -= key.weight
        if point < 0:
            return key
    return keys[-1]
