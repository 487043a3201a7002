"""Key or session to principal, before any other work."""

from penstock.core.errors import Forbidden, Unauthorized
from penstock.core.principal import Principal, Scope
from penstock.pipeline.request import Incoming
from penstock.pipeline.sessions import CSRF_HEADER, SAFE_METHODS, is_csrf_token, session_of
from penstock.store.lookup import Keys, Refused

_HINT = "Send it as `Authorization: Bearer psk_...`; `penstock keys create` makes one."


async def authenticate(incoming: Incoming, scope: Scope, keys: Keys) -> Principal | None:
    """The holder of the request's key, or of the session that its cookie holds; None on a public route.

    Raises Unauthorized without either, and Forbidden where it lacks the scope, may not be used from there, or where a
    session's request changes something and brings no token of a page of ours.
    """
    if scope is Scope.PUBLIC:
        return None
    method, _, key = incoming.headers.get("authorization", "").partition(" ")
    session = "" if method else session_of(incoming)
    if session:
        found = await keys.find_session(session)
        incoming.session = "" if isinstance(found, Refused) else session
    elif method.lower() == "bearer" and key.strip():
        found = await keys.find(key.strip())
    else:
        raise Unauthorized(f"This needs a key. {_HINT}", headers={"www-authenticate": "Bearer"})
    if isinstance(found, Refused):
        raise Unauthorized(found.message, headers={"www-authenticate": "Bearer"})
    check_standing(found, scope, incoming)
    if incoming.session and incoming.method not in SAFE_METHODS:
        check_csrf(incoming, incoming.headers.get(CSRF_HEADER, ""))
    return found


def check_standing(principal: Principal, scope: Scope, incoming: Incoming) -> None:
    """Raises Forbidden where a known holder may not make this request."""
    if not principal.may_come_from(incoming.client):
        raise Forbidden(
            f"The key `{principal.name}` may not be used from {incoming.client or 'an address that is not known'}.",
            code="address_not_allowed",
        )
    if not principal.may(scope):
        raise Forbidden(f"The key `{principal.name}` lacks the scope `{scope}` that this needs.")


def check_csrf(incoming: Incoming, token: str) -> None:
    """Raises Forbidden where a request of a session was not made by a page of that session."""
    if not is_csrf_token(incoming.session, token):
        raise Forbidden(
            "This was not sent from a page of yours, or that page is too old. Go back, load it again, and try again.",
            code="csrf",
        )
