"""Key to principal, before any other work."""

from penstock.core.errors import Forbidden, Unauthorized
from penstock.core.principal import Principal, Scope
from penstock.pipeline.request import Incoming
from penstock.store.lookup import Keys, Refused

_HINT = "Send it as `Authorization: Bearer psk_...`; `penstock keys create` makes one."


async def authenticate(incoming: Incoming, scope: Scope, keys: Keys) -> Principal | None:
    """The holder of the request's key; None on a public route.

    Raises Unauthorized without a valid key, and Forbidden where it lacks the scope or may not be used from there.
    """
    if scope is Scope.PUBLIC:
        return None
    method, _, key = incoming.headers.get("authorization", "").partition(" ")
    if method.lower() != "bearer" or not key.strip():
        raise Unauthorized(f"This needs a key. {_HINT}", headers={"www-authenticate": "Bearer"})
    found = await keys.find(key.strip())
    if isinstance(found, Refused):
        raise Unauthorized(found.message, headers={"www-authenticate": "Bearer"})
    if not found.may_come_from(incoming.client):
        raise Forbidden(
            f"The key `{found.name}` may not be used from {incoming.client or 'an address that is not known'}.",
            code="address_not_allowed",
        )
    if not found.may(scope):
        raise Forbidden(f"The key `{found.name}` lacks the scope `{scope}` that this needs.")
    return found
