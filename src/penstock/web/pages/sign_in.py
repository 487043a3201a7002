"""`/sign-in` and `/sign-out`: a key for a session's cookie.

The key itself is in no cookie: the session's secret opens these pages only from a browser, and ends by itself or with
its key.
"""

from functools import partial
from urllib.parse import parse_qs

from penstock.api.addresses import own_address
from penstock.core.errors import PenstockError, Unauthorized
from penstock.core.principal import Principal, Scope
from penstock.pipeline.auth import check_standing
from penstock.pipeline.request import Reply
from penstock.pipeline.sessions import COOKIE, session_of
from penstock.store.lookup import Refused
from penstock.store.sessions import begin_session, end_session
from penstock.store.sums import HOUR_MS
from penstock.web.door import own_path
from penstock.web.visit import Form, Visit


async def sign_in_page(visit: Visit) -> Reply:
    """`GET /sign-in`."""
    wanted = own_path(parse_qs(visit.incoming.query).get("next", ["/"])[0])
    return visit.redirect(wanted) if visit.signed_in else _page(visit, wanted)


async def sign_in(visit: Visit, form: Form) -> Reply:
    """`POST /sign-in`."""
    gateway, wanted = visit.gateway, own_path(form.text("next"))
    try:
        principal = await _holder(visit, form.text("key"))
    except PenstockError as error:
        return _page(visit, wanted, error)
    now = visit.now_ms
    expires = now + gateway.settings.pages.session_hours * HOUR_MS
    secret = await gateway.books.change(partial(begin_session, key_id=principal.key_id, now=now, expires_at=expires))
    return visit.redirect(wanted, **{"set-cookie": _cookie(visit, secret, (expires - now) // 1000)})


async def sign_out(visit: Visit, form: Form) -> Reply:
    """`POST /sign-out`."""
    secret = session_of(visit.incoming)
    if secret:
        await visit.gateway.books.change(partial(end_session, secret=secret))
    return visit.redirect("/sign-in", **{"set-cookie": _cookie(visit, "", 0)})


async def _holder(visit: Visit, key: str) -> Principal:
    """Raises Unauthorized and Forbidden."""
    found = await visit.gateway.keys.find(key)
    if isinstance(found, Refused):
        raise Unauthorized(found.message)
    check_standing(found, Scope.READ, visit.incoming)
    return found


def _page(visit: Visit, wanted: str, error: PenstockError | None = None) -> Reply:
    status = error.status if error else 200
    return visit.page("sign_in.html", title="Sign in", status=status, next=wanted, error=error)


def _cookie(visit: Visit, secret: str, seconds: int) -> str:
    secure = "; Secure" if own_address(visit.incoming, visit.gateway).startswith("https://") else ""
    return f"{COOKIE}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
