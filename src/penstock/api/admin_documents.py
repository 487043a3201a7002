"""The bodies and queries of the administration endpoints: what is read, what is answered, and their documentation.

Requests refuse fields they do not know (`bodies`). In what is read, an organisation, a team, a user or a key may be
named by id or by name; in what is answered they are ids. Times are ISO 8601 in UTC, money is exact US dollars.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from penstock.core import spending
from penstock.core.spending import Level, LimitUnit, Period

ScopeName = Literal["inference", "read", "admin"]

Name = Annotated[str, Meta(description="Up to 200 characters on one line.")]
Moment = Annotated[datetime, Meta(tz=True)]
Amount = Annotated[Decimal, Meta(description="US dollars above zero: a number, or a decimal number as text.")]
Dollars = Annotated[Decimal, Meta(description="US dollars, exact.")]
Scopes = Annotated[list[ScopeName], Meta(description="What it may do; `admin` is everything.")]
Models = Annotated[
    list[str], Meta(description="Slugs and patterns such as `openai/*` of the models it may call; empty: all.")
]
Providers = Annotated[list[str], Meta(description="Slugs and patterns of the providers it may call; empty: all.")]
Addresses = Annotated[
    list[str], Meta(description="IP addresses and networks such as `10.0.0.0/8` it may be used from; empty: any.")
]
ExpiresAt = Annotated[Moment, Meta(description="When it stops working, with its time zone: `2030-01-01T00:00:00Z`.")]
ExpiresInDays = Annotated[float, Meta(gt=0, le=36500, description="The same, counted from now.")]
Hard = Annotated[bool, Meta(description="A hard budget refuses what does not fit; a soft one warns in a header.")]
OnUnpriced = Annotated[
    spending.OnUnpriced, Meta(description="What becomes of a call whose price nobody knows, which no budget can count.")
]
AtLevel = Annotated[Level, Meta(description="Whom it is for.")]
AtHolder = Annotated[str | None, Meta(description="Id or name; left out for the gateway as a whole.")]
HolderId = Annotated[str | None, Meta(description="Null for the gateway as a whole.")]
FilterLevel = Annotated[Level | None, Meta(description="Only those of this level.")]
FilterHolder = Annotated[str | None, Meta(description="Only those of this one, by id or name; needs `level`.")]
ArchivedToo = Annotated[bool, Meta(description="Archived ones too.")]
InOrganisation = Annotated[str | None, Meta(description="Only those of this organisation, by id or name.")]


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What callers send."""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What they are told."""


# People.


class OrganisationQuery(_Request, frozen=True, kw_only=True):
    """Which organisations."""

    archived: ArchivedToo = False


class NewOrganisation(_Request, frozen=True, kw_only=True):
    """An organisation to be made."""

    name: Annotated[Name, Meta(description="No other organisation's.")]


class Rename(_Request, frozen=True, kw_only=True):
    """What of an organisation, a team or a user can be changed."""

    name: Name


class Organisation(_Answer, frozen=True, kw_only=True):
    """A company, a department, a household."""

    id: str
    name: str
    created_at: Moment
    archived_at: Annotated[Moment | None, Meta(description="Its keys are refused since then.")]


class OrganisationList(_Answer, frozen=True, kw_only=True):
    """Organisations, by name."""

    object: Literal["list"] = "list"
    data: list[Organisation]


class MemberQuery(_Request, frozen=True, kw_only=True):
    """Which teams or users."""

    organisation: InOrganisation = None
    archived: ArchivedToo = False


class NewMember(_Request, frozen=True, kw_only=True):
    """A team or a user to be made."""

    organisation: Annotated[str, Meta(description="Id or name.")]
    name: Annotated[Name, Meta(description="No other's in the organisation.")]


class Team(_Answer, frozen=True, kw_only=True):
    """A group in an organisation."""

    id: str
    organisation_id: str
    name: str
    created_at: Moment
    archived_at: Annotated[Moment | None, Meta(description="Its keys are refused since then.")]


class TeamList(_Answer, frozen=True, kw_only=True):
    """Teams, by organisation and name."""

    object: Literal["list"] = "list"
    data: list[Team]


class User(_Answer, frozen=True, kw_only=True):
    """A person, or a program with the standing of one, in an organisation."""

    id: str
    organisation_id: str
    name: str
    created_at: Moment
    archived_at: Annotated[Moment | None, Meta(description="Their keys are refused since then.")]


class UserList(_Answer, frozen=True, kw_only=True):
    """Users, by organisation and name."""

    object: Literal["list"] = "list"
    data: list[User]


# Keys.


class KeyQuery(_Request, frozen=True, kw_only=True):
    """Which keys."""

    revoked: Annotated[bool, Meta(description="Revoked ones too.")] = False
    organisation: InOrganisation = None
    team: Annotated[str | None, Meta(description="Only those of this team, by id or name.")] = None
    user: Annotated[str | None, Meta(description="Only those of this user, by id or name.")] = None


class KeyBudget(_Request, frozen=True, kw_only=True):
    """A budget of the key, made together with it."""

    amount_usd: Amount
    period: Period = Period.TOTAL
    hard: Hard = True
    on_unpriced: OnUnpriced = "refuse"


class NewKey(_Request, frozen=True, kw_only=True):
    """A key to be made. A team or a user brings its organisation along."""

    name: Name
    scopes: Scopes = field(default_factory=lambda: ["inference", "read"])
    organisation: Annotated[str | None, Meta(description="Whose key it is: id or name.")] = None
    team: Annotated[str | None, Meta(description="Id or name.")] = None
    user: Annotated[str | None, Meta(description="Id or name.")] = None
    models: Models = []
    providers: Providers = []
    addresses: Addresses = []
    expires_at: ExpiresAt | None = None
    expires_in_days: ExpiresInDays | None = None
    budget: Annotated[KeyBudget | None, Meta(description="Made together with it.")] = None


class KeyChange(_Request, frozen=True, kw_only=True):
    """What of a key is to change; what is left out stays."""

    name: Name | None = None
    scopes: Scopes | None = None
    models: Models | None = None
    providers: Providers | None = None
    addresses: Addresses | None = None
    expires_at: Annotated[Moment | UnsetType | None, Meta(description="When it stops working; null: never.")] = UNSET
    expires_in_days: ExpiresInDays | None = None


class Rotation(_Request, frozen=True, kw_only=True):
    """How a key is given a new secret."""

    overlap_seconds: Annotated[
        int, Meta(ge=0, description="For how long the old secret works beside the new one; 31 days at most.")
    ] = 0


class Key(_Answer, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: str
    name: str
    hint: Annotated[str, Meta(description="The secret's first 8 and last 4 characters.")]
    scopes: Scopes
    organisation_id: str | None
    team_id: str | None
    user_id: str | None
    models: Models
    providers: Providers
    addresses: Addresses
    created_at: Moment
    expires_at: Annotated[Moment | None, Meta(description="Null: never.")]
    revoked_at: Moment | None
    previous_until: Annotated[
        Moment | None,
        Meta(description="Until when the secret from before its rotation works; null where it was never rotated."),
    ]


class KeyList(_Answer, frozen=True, kw_only=True):
    """Keys, oldest first."""

    object: Literal["list"] = "list"
    data: list[Key]


# Budgets.


class BudgetQuery(_Request, frozen=True, kw_only=True):
    """Which budgets."""

    level: FilterLevel = None
    holder: FilterHolder = None
    ended: Annotated[bool, Meta(description="Ended ones too.")] = False


class NewBudget(_Request, frozen=True, kw_only=True):
    """A budget to be made."""

    level: AtLevel
    holder: AtHolder = None
    amount_usd: Amount
    period: Period = Period.TOTAL
    hard: Hard = True
    on_unpriced: OnUnpriced = "refuse"


class BudgetChange(_Request, frozen=True, kw_only=True):
    """What of a budget is to change; what is left out stays. What was spent of it stays spent."""

    amount_usd: Amount | None = None
    hard: Hard | None = None
    on_unpriced: OnUnpriced | None = None


class Budget(_Answer, frozen=True, kw_only=True):
    """What a holder may spend in a period, and how much of the present one is used."""

    id: str
    level: Level
    holder_id: HolderId
    amount_usd: Dollars
    period: Annotated[Period, Meta(description="Days, weeks (from Monday) and months are those of UTC.")]
    hard: Hard
    on_unpriced: OnUnpriced
    created_at: Moment
    ended_at: Annotated[Moment | None, Meta(description="Since when it no longer applies.")]
    period_start: Annotated[Moment | None, Meta(description="Null for `total`.")]
    resets_at: Annotated[Moment | None, Meta(description="When it is full again; null for `total`.")]
    spent_usd: Dollars
    reserved_usd: Annotated[Decimal, Meta(description="US dollars kept back for calls under way.")]
    uncertain_usd: Annotated[
        Decimal, Meta(description="US dollars that may have been charged without anybody having said so.")
    ]
    left_usd: Annotated[Decimal, Meta(description="US dollars: the amount less these three, not below zero.")]


class MadeKey(Key, frozen=True, kw_only=True):
    """A key with its secret, which is told this once."""

    key: Annotated[str, Meta(description="`psk_...`: the secret. Only its hash is kept.")]
    budget: Annotated[Budget | None, Meta(description="The budget made together with it.")] = None


class BudgetList(_Answer, frozen=True, kw_only=True):
    """Budgets, oldest first."""

    object: Literal["list"] = "list"
    data: list[Budget]


# Rate limits.


class HolderQuery(_Request, frozen=True, kw_only=True):
    """Whose."""

    level: FilterLevel = None
    holder: FilterHolder = None


class NewLimit(_Request, frozen=True, kw_only=True):
    """A rate limit to be made."""

    level: AtLevel
    holder: AtHolder = None
    unit: Annotated[LimitUnit, Meta(description="`concurrent` counts requests in flight, in no window of time.")]
    amount: Annotated[Decimal, Meta(description="At most so many in any window of time.")]
    window_seconds: Annotated[int, Meta(ge=1)] = 60
    model: Annotated[
        str | None, Meta(description="A model's slug or a pattern (`openai/*`); left out: all models together.")
    ] = None


class Limit(_Answer, frozen=True, kw_only=True):
    """At most so much in any window of time."""

    id: str
    level: Level
    holder_id: HolderId
    unit: LimitUnit
    amount: Decimal
    window_seconds: int
    model: str | None
    created_at: Moment


class LimitList(_Answer, frozen=True, kw_only=True):
    """Rate limits."""

    object: Literal["list"] = "list"
    data: list[Limit]


# Allowances.


class NewAllowance(_Request, frozen=True, kw_only=True):
    """An allowance to be made."""

    level: AtLevel
    holder: AtHolder = None
    requests: Annotated[
        int, Meta(ge=1, description="The first so many of each month cost budgets and credits nothing.")
    ]


class Allowance(_Answer, frozen=True, kw_only=True):
    """A holder's first so many requests of each month cost its budgets and credits nothing."""

    id: str
    level: Level
    holder_id: HolderId
    requests: int
    used: Annotated[int, Meta(description="Since `month_start`.")]
    month_start: Moment
    created_at: Moment


class AllowanceList(_Answer, frozen=True, kw_only=True):
    """Allowances."""

    object: Literal["list"] = "list"
    data: list[Allowance]


# Credits.


class NewCredit(_Request, frozen=True, kw_only=True):
    """Money paid in beforehand. A negative amount takes some back."""

    level: AtLevel
    holder: AtHolder = None
    amount_usd: Annotated[Decimal, Meta(description="US dollars: a number, or a decimal number as text.")]
    note: Annotated[str, Meta(max_length=500, description="What it was for: an invoice, a gift.")] = ""


class CreditEntry(_Answer, frozen=True, kw_only=True):
    """One payment."""

    id: str
    amount_usd: Dollars
    note: str
    created_at: Moment


class Credit(_Answer, frozen=True, kw_only=True):
    """A holder's credit. Where there is one, calls that do not fit into what is left are refused with 402."""

    budget_id: Annotated[str, Meta(description="It counts as a hard budget; DELETE it there to end it.")]
    level: Level
    holder_id: HolderId
    balance_usd: Annotated[Decimal, Meta(description="US dollars paid in, all entries together.")]
    spent_usd: Dollars
    reserved_usd: Annotated[Decimal, Meta(description="US dollars kept back for calls under way.")]
    uncertain_usd: Annotated[
        Decimal, Meta(description="US dollars that may have been charged without anybody having said so.")
    ]
    left_usd: Dollars
    entries: Annotated[list[CreditEntry], Meta(description="All that was ever paid in or taken back.")]


class CreditList(_Answer, frozen=True, kw_only=True):
    """Credits, oldest first."""

    object: Literal["list"] = "list"
    data: list[Credit]
