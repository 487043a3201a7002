"""Who is asking, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from penstock.core.networks import Network, address_of, inside
from penstock.core.spending import GATEWAY, Allowance, Budget, Holder, Level, Limit


class Scope(StrEnum):
    """What a key may do. `public` needs no key; every route names one of these."""

    PUBLIC = "public"
    INFERENCE = "inference"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a key, with everything that bounds what may be done with it."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    organisation_id: str | None = None
    team_id: str | None = None
    user_id: str | None = None
    """The user of this installation whose key it is."""
    models: tuple[str, ...] = ()
    """Slugs and patterns (`openai/*`) of the models it may call; empty: all."""
    providers: tuple[str, ...] = ()
    """Likewise of providers."""
    addresses: tuple[Network, ...] = ()
    """Networks it may be used from; empty: any."""
    budgets: tuple[Budget, ...] = ()
    """Every budget and credit that applies: the key's own and those of everybody above it."""
    limits: tuple[Limit, ...] = ()
    """Likewise of rate limits."""
    allowances: tuple[Allowance, ...] = ()
    groups: frozenset[str] = frozenset()
    """Access groups whose models it may call."""

    def may(self, scope: Scope) -> bool:
        """Whether this key reaches a route of that scope; an administrator's reaches all."""
        return scope is Scope.PUBLIC or scope in self.scopes or Scope.ADMIN in self.scopes

    def may_come_from(self, client: str) -> bool:
        """Whether the key may be used from this address; one that is not known is in no network."""
        if not self.addresses:
            return True
        address = address_of(client)
        return address is not None and inside(address, self.addresses)

    def may_call(self, model: str) -> bool:
        """Whether the model with this slug may be called."""
        return allowed(model, self.models)

    def may_use(self, provider: str) -> bool:
        """Whether the provider with this slug may be called."""
        return allowed(provider, self.providers)


def allowed(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a slug is among these slugs and patterns; where there are none, every slug is."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def holders(
    key_id: str, user_id: str | None = None, team_id: str | None = None, organisation_id: str | None = None
) -> tuple[Holder, ...]:
    """Everybody whose budgets and limits bound a key, from the key upwards."""
    ids = (
        (Level.KEY, key_id),
        (Level.USER, user_id),
        (Level.TEAM, team_id),
        (Level.ORGANISATION, organisation_id),
    )
    return (*(Holder(level, id) for level, id in ids if id), GATEWAY)
