"""How a page is reached: who may, what a form must bring, and where whoever is not signed in is sent.

Every page goes through `Door`, so that no handler can forget to ask.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from penstock.api.addresses import own_address
from penstock.core.errors import BadRequest, Forbidden, Unauthorized
from penstock.core.principal import Principal, Scope
from penstock.pipeline.auth import authenticate, check_csrf, check_standing
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.ingress import body_chunks
from penstock.pipeline.request import Incoming, Reply
from penstock.pipeline.sessions import CSRF_FIELD, CSRF_HEADER, SAFE_METHODS, session_of
from penstock.store.lookup import Refused
from penstock.web.visit import Form, Visit

MOST_FORM_BYTES = 256 * 1024
_MOST_FIELDS = 500

PageHandler = Callable[..., Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Door:
    """A handler of a page, as the router knows it."""

    handler: PageHandler
    scope: Scope
    public: bool = False
    """Whether `pages.public` opens it to the world."""

    async def __call__(self, gateway: Gateway, incoming: Incoming, **parameters: str) -> Reply:
        try:
            principal = await self._admit(gateway, incoming)
        except Unauthorized:
            if incoming.method not in SAFE_METHODS:
                raise
            return Visit(gateway, incoming, None).redirect(sign_in_address(incoming))
        if principal is not None:
            principal = gateway.routes.now.admitted(principal)
        incoming.principal = principal
        visit = Visit(gateway, incoming, principal)
        if incoming.method in SAFE_METHODS:
            return await self.handler(visit, **parameters)
        form = await _form(incoming, gateway)
        if incoming.session:
            check_csrf(incoming, incoming.headers.get(CSRF_HEADER) or form.text(CSRF_FIELD))
        return await self.handler(visit, form, **parameters)

    async def _admit(self, gateway: Gateway, incoming: Incoming) -> Principal | None:
        """Raises Unauthorized and Forbidden."""
        open_to_all = self.scope is Scope.PUBLIC or (self.public and gateway.settings.pages.public)
        if incoming.headers.get("authorization"):
            return await authenticate(incoming, Scope.READ if open_to_all else self.scope, gateway.keys)
        found = await visitor(gateway, incoming)
        if found is None and not open_to_all:
            raise Unauthorized("Sign in with your key to see this.")
        if found is not None and not open_to_all:
            check_standing(found, self.scope, incoming)
        return found


async def visitor(gateway: Gateway, incoming: Incoming) -> Principal | None:
    """Whoever is signed in; None for nobody."""
    session = session_of(incoming)
    found = await gateway.keys.find_session(session) if session else None
    if found is None or isinstance(found, Refused):
        return None
    incoming.session = session
    return found


def sign_in_address(incoming: Incoming) -> str:
    """Where to sign in, and come back from."""
    wanted = f"{incoming.path}?{incoming.query}" if incoming.query else incoming.path
    return "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted)}"


def own_path(text: str) -> str:
    """A path on this gateway that somebody was to be sent back to; `/` for anything else."""
    ours = text.startswith("/") and not text.startswith("//") and "\\" not in text
    return text if ours and text.isascii() and text.isprintable() else "/"


async def _form(incoming: Incoming, gateway: Gateway) -> Form:
    """The fields of a form of ours. Raises BadRequest, TooLarge, and Forbidden for one that another site sent."""
    origin, ours = incoming.headers.get("origin"), {incoming.headers.get("host"), _host(own_address(incoming, gateway))}
    if origin is not None and _host(origin) not in ours:
        raise Forbidden("This form was sent from another site.", code="csrf")
    kind = incoming.headers.get("content-type", "application/x-www-form-urlencoded").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadRequest("This takes a form as pages send it.")
    body = b"".join([chunk async for chunk in body_chunks(incoming, MOST_FORM_BYTES)])
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadRequest("This form cannot be read.") from error
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(value)
    return Form({name: values[-1] for name, values in several.items()}, several)


def _host(address: str) -> str:
    """Host and port; empty where the address is none."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""
