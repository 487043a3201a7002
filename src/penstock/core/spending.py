"""Who may spend how much: budgets, rate limits and allowances, and the windows of time they hold for.

Each of them is held at a level: the whole gateway, an organisation, a team, a user or a key. What applies to a request
is what its key, and everybody above the key, holds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal


class Level(StrEnum):
    """Whom a budget, a limit or an allowance is for."""

    GATEWAY = "gateway"
    ORGANISATION = "organisation"
    TEAM = "team"
    USER = "user"
    KEY = "key"


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    """One of them: `Holder(Level.TEAM, "team_01jd...")`; the gateway's id is empty."""

    level: Level
    id: str = ""


GATEWAY = Holder(Level.GATEWAY)


class Period(StrEnum):
    """How long a budget lasts before it is full again. Days, weeks (from Monday) and months are those of UTC."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"

    def start(self, unix_ms: int) -> int:
        """When the period that holds this instant began, in Unix milliseconds; 0 for `total`."""
        if self is Period.TOTAL:
            return 0
        day = datetime.fromtimestamp(unix_ms / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if self is Period.WEEK:
            day -= timedelta(days=day.weekday())
        elif self is Period.MONTH:
            day = day.replace(day=1)
        return int(day.timestamp()) * 1000

    def end(self, unix_ms: int) -> int | None:
        """When that period ends, in Unix milliseconds; None for `total`."""
        if self is Period.TOTAL:
            return None
        days = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 32}[self]
        start = datetime.fromtimestamp(self.start(unix_ms) / 1000, UTC) + timedelta(days=days)
        return self.start(int(start.timestamp()) * 1000)


BudgetKind = Literal["budget", "credit"]
OnUnpriced = Literal["refuse", "allow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """An amount of money a holder may spend in a period."""

    id: str
    """`bud_...`"""
    holder: Holder
    period: Period
    amount: Decimal
    """US dollars per period."""
    hard: bool = True
    """A hard budget refuses what does not fit; a soft one warns."""
    on_unpriced: OnUnpriced = "refuse"
    """What becomes of a call whose price nobody knows: a hard budget cannot count it."""
    kind: BudgetKind = "budget"
    """`credit`: money paid in beforehand. Its period is `total`, it is hard, and it is filled up, not changed."""
    created_at: int = 0
    """Unix milliseconds."""


class LimitUnit(StrEnum):
    """What a rate limit counts."""

    REQUESTS = "requests"
    IMAGES = "images"
    MEGAPIXELS = "megapixels"
    """Of 2^20 pixels, of the pictures asked for."""
    TOKENS = "tokens"
    """In and out."""
    DOLLARS = "dollars"
    CONCURRENT = "concurrent"
    """Requests in flight; its window is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most so much in any window of time: a sliding window."""

    id: str
    """`lim_...`"""
    holder: Holder
    unit: LimitUnit
    amount: Decimal
    window_seconds: int = 60
    model: str | None = None
    """A model's slug or a pattern (`openai/*`); None: all models together."""
    created_at: int = 0
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A holder's first so many requests of each month cost its budgets and credits nothing."""

    id: str
    """`alw_...`"""
    holder: Holder
    requests: int
    created_at: int = 0
    """Unix milliseconds."""
