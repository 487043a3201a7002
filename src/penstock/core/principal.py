"""Who is asking."""

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a key may do. `public` needs no key; every route names one of these."""

    PUBLIC = "public"
    INFERENCE = "inference"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of a key."""

    key_id: str
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether this key reaches a route of that scope; an administrator's reaches all."""
        return scope is Scope.PUBLIC or scope in self.scopes or Scope.ADMIN in self.scopes
