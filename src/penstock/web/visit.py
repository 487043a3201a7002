"""One request of a page: who is looking, and how a template becomes the answer.

Handlers of pages get a `Visit` (and a `Form` where they change something) and return a `Reply`.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from markupsafe import Markup

from penstock import __version__
from penstock.core.principal import Principal, Scope
from penstock.pipeline.gateway import Gateway
from penstock.pipeline.request import Incoming, Reply
from penstock.pipeline.sessions import cookie, csrf_token
from penstock.web.static import takes_gzip
from penstock.web.templating import environment

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SAFE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "private, no-cache",
    "vary": "cookie, accept-encoding",
}
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "penstock_theme"
_GZIP_FROM = 1400
"""Bytes; what fits into one packet is sent as it is."""


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the bar at the top."""

    name: str
    path: str
    scope: Scope
    public: bool = False
    """Whether `pages.public` opens it to the world."""


SECTIONS = (
    Section("Models", "/models", Scope.READ, public=True),
    Section("Calculator", "/calculator", Scope.READ, public=True),
    Section("Compare", "/compare", Scope.READ, public=True),
    Section("Playground", "/playground", Scope.INFERENCE),
    Section("Gallery", "/gallery", Scope.READ),
    Section("Dashboard", "/dashboard", Scope.ADMIN),
    Section("Logs", "/logs", Scope.ADMIN),
    Section("Settings", "/settings", Scope.ADMIN),
)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form whose token was right."""

    fields: dict[str, str]
    several: dict[str, list[str]] = field(default_factory=dict)
    """Every value of each field, for those that may come more than once."""

    def text(self, name: str) -> str:
        """A field without the space around it; empty where it was not sent."""
        return self.fields.get(name, "").strip()


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody looking at a page."""

    gateway: Gateway
    incoming: Incoming
    principal: Principal | None
    """None for whoever is not signed in, on a page open to the world."""

    @property
    def signed_in(self) -> bool:
        return self.principal is not None

    def may(self, scope: Scope) -> bool:
        return self.principal is not None and self.principal.may(scope)

    @property
    def administers(self) -> bool:
        return self.may(Scope.ADMIN)

    @property
    def own_key(self) -> str | None:
        """The only key whose pictures and requests may be shown; None for an administrator, who sees all."""
        return None if self.administers or self.principal is None else self.principal.key_id

    @property
    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self.gateway.clock.now() * 1000)

    @property
    def theme(self) -> str:
        given = cookie(self.incoming, THEME_COOKIE)
        return given if given in THEMES else "auto"

    @property
    def is_swap(self) -> bool:
        """Whether a part of a page that is there is asked for, rather than a page."""
        return self.incoming.headers.get("hx-request") == "true"

    @property
    def csrf(self) -> str:
        """A token for this page's forms; empty for whoever is not signed in."""
        return csrf_token(self.incoming.session) if self.incoming.session else ""

    @property
    def sections(self) -> list[Section]:
        """What this visitor may open."""
        public = self.gateway.settings.pages.public
        return [section for section in SECTIONS if self.may(section.scope) or (public and section.public)]

    def address(self, **changed: str | None) -> str:
        """This page's address with some of its query changed; None takes a parameter away."""
        query = dict(parse_qsl(self.incoming.query)) | changed
        text = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        return f"{self.incoming.path}?{text}" if text else self.incoming.path

    def page(self, template: str, *, title: str, status: int = 200, **values: Any) -> Reply:
        """A template as a page; its values beside what every page is given."""
        html = (
            environment()
            .get_template(template)
            .render(
                visit=self, title=title, version=__version__, csrf=self.csrf, csrf_field=self._csrf_field(), **values
            )
        )
        return self.sent(html.encode(), status=status)

    def sent(self, body: bytes, *, status: int = 200, media_type: str = "text/html; charset=utf-8") -> Reply:
        """A body of ours, compressed where that is worth it and understood."""
        headers = dict(SAFE)
        if len(body) >= _GZIP_FROM and takes_gzip(self.incoming):
            packer = zlib.compressobj(5, wbits=31)
            body = packer.compress(body) + packer.flush()
            headers["content-encoding"] = "gzip"
        return Reply(status=status, media_type=media_type, headers=headers, pieces=(body,))

    def redirect(self, path: str, **headers: str) -> Reply:
        """After something was done: the page to look at next, which is one of ours."""
        if self.is_swap:
            return Reply(media_type="text/html; charset=utf-8", headers={**SAFE, "hx-redirect": path, **headers})
        return Reply(status=303, media_type="text/html; charset=utf-8", headers={**SAFE, "location": path, **headers})

    def _csrf_field(self) -> Markup:
        return Markup('<input type="hidden" name="csrf" value="{}">').format(self.csrf)
